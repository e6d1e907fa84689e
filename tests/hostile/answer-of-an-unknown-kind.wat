;; Returns neither findings nor an error but a third thing.
;;
;; group: results
;; expect: faults malformed-result "inspect: malformed result"
(func $inspect (param i32 i32) (result i32)
  (i32.store (i32.const 16) (i32.const 7))
  (i32.const 16))
