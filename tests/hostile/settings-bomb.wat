;; Is given settings within settings, and refuses them with words that would
;; clear a terminal.
;;
;; group: description
;; expect: refused settings "settings refused: calm [2J"
;; settings: {"Bomb": [[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[["deep"]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]}
;; value: words string "calm\u001b[2J"
(func $configure (param i32 i32 i32 i32) (result i32)
  (i32.store (i32.const 16) (i32.const 1))
  (i32.store (i32.const 20) (i32.const 0))
  (i32.store (i32.const 24) (global.get $words))
  (i32.store (i32.const 28) (global.get $words.length))
  (i32.const 16))
