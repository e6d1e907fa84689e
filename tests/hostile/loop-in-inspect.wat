;; Never comes back from `inspect`.
;;
;; group: time
;; expect: faults deadline "inspect: ran longer than"
(func $inspect (param i32 i32) (result i32)
  (call $spin)
  (unreachable))
