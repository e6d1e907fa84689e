;; Never comes back from `describe`.
;;
;; group: time
;; expect: refused deadline "describe: ran longer than"
(func $describe (result i32)
  (call $spin)
  (unreachable))
