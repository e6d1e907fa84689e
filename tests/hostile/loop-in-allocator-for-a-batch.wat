;; Gives room for settings, and never comes back when asked for a batch.
;;
;; group: time
;; expect: faults deadline "inspect: ran longer than"
(global $is_configured (mut i32) (i32.const 0))
(func $configure (param i32 i32 i32 i32) (result i32)
  (global.set $is_configured (i32.const 1))
  (i32.const 32))
(func $realloc (param i32 i32 i32 i32) (result i32)
  (if (global.get $is_configured) (then (call $spin)))
  (call $allocate (local.get 2) (local.get 3)))
