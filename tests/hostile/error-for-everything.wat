;; Returns an error for every batch, in words that would clear a terminal.
;;
;; group: faults
;; expect: faults returned "inspect: returned an error: calm [2J"
;; value: words string "calm\u001b[2J"
(func $inspect (param i32 i32) (result i32)
  (i32.store (i32.const 16) (i32.const 1))
  (i32.store (i32.const 20) (i32.const 1))
  (i32.store (i32.const 24) (global.get $words))
  (i32.store (i32.const 28) (global.get $words.length))
  (i32.const 16))
