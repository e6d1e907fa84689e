;; Never comes back from `configure`.
;;
;; group: time
;; expect: refused deadline "configure: ran longer than"
(func $configure (param i32 i32 i32 i32) (result i32)
  (call $spin)
  (unreachable))
