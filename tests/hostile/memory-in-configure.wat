;; Doubles its settings in memory until there is no more.
;;
;; group: memory
;; expect: refused memory "configure: wanted more than the"
;; settings: {"Depth": [[[[[[[["a bomb"]]]]]]]]}
(func $configure (param $settings i32) (param $length i32) (param i32 i32) (result i32)
  (local $copy i32)
  (loop $again
    (local.set $copy (call $allocate (i32.const 1) (i32.shl (local.get $length) (i32.const 1))))
    (memory.copy (local.get $copy) (local.get $settings) (local.get $length))
    (memory.copy
      (i32.add (local.get $copy) (local.get $length))
      (local.get $settings) (local.get $length))
    (local.set $settings (local.get $copy))
    (local.set $length (i32.shl (local.get $length) (i32.const 1)))
    (br $again))
  (unreachable))
