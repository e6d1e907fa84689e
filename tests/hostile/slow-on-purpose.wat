;; Comes back every time, but only after as much work as it dares.
;;
;; group: time
;; expect: held
;; call-ms: 5000
(func $inspect (param $tables i32) (param i32) (result i32)
  (local $left i64)
  (local.set $left (i64.const 40000000))
  (loop $again
    (local.set $left (i64.sub (local.get $left) (i64.const 1)))
    (br_if $again (i64.ne (local.get $left) (i64.const 0))))
  (call $judge (local.get $tables) (i32.const 1)))
