;; Calls itself until the stack ends.
;;
;; group: memory
;; expect: faults trap "inspect: trapped: wasm trap: call stack exhausted"
(func $inspect (param i32 i32) (result i32)
  (drop (call $recurse (i64.const 0)))
  (unreachable))
