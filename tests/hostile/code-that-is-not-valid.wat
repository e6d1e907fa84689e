;; Is a component whose code takes values that are not there.
;;
;; group: compiler
;; expect: refused invalid "not a valid component"
(component (core module (func (result i32) i32.add)))
