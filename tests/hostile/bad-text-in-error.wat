;; Returns an error whose words are not UTF-8.
;;
;; group: results
;; expect: faults malformed-result "utf-8"
;; value: words string [82, 195, 40, 255]
(func $inspect (param i32 i32) (result i32)
  (i32.store (i32.const 16) (i32.const 1))
  (i32.store (i32.const 20) (i32.const 1))
  (i32.store (i32.const 24) (global.get $words))
  (i32.store (i32.const 28) (global.get $words.length))
  (i32.const 16))
