;; Refuses its settings in thirty megabytes of words.
;;
;; group: description
;; expect: refused malformed-result "fuel"
(func $configure (param i32 i32 i32 i32) (result i32)
  (i32.store (i32.const 16) (i32.const 1))
  (i32.store (i32.const 20) (i32.const 1))
  (i32.store (i32.const 24) (call $blank (i32.const 1) (i32.const 30000000)))
  (i32.store (i32.const 28) (i32.const 30000000))
  (i32.const 16))
