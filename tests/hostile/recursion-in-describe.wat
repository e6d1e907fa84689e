;; Calls itself until the stack ends, before anybody knows who it is.
;;
;; group: memory
;; expect: refused trap "describe: trapped"
(func $describe (result i32)
  (drop (call $recurse (i64.const 0)))
  (unreachable))
