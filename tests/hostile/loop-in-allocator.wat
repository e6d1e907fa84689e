;; Never comes back when the host asks it for room for its settings.
;;
;; group: time
;; expect: refused deadline "configure: ran longer than"
(func $realloc (param i32 i32 i32 i32) (result i32)
  (call $spin)
  (unreachable))
