;; Says that its answer lies where it has no memory.
;;
;; group: results
;; expect: faults malformed-result "inspect: malformed result"
(func $inspect (param i32 i32) (result i32)
  (i32.const -8))
