;; Observes one key after the other until it is told that it holds as many as
;; it may.
;;
;; group: host-calls
;; expect: held
;; call-ms: 20000
;; contained-ms: 60000
;; value: entry list<entry> [{"baseline": "b", "key": "1234"}]
(func $inspect (param $tables i32) (param i32) (result i32)
  (local $event i64) (local $number i32)
  (local.set $event (call $event (local.get $tables) (i32.const 0)))
  (loop $again
    (i32.store (i32.load offset=8 (global.get $entry)) (call $spell (local.get $number)))
    (call $baselines.observe (local.get $event)
      (global.get $entry) (i32.const 1) (i32.const 64))
    (if (i32.load8_u (i32.const 64))
      (then
        (return (call $judge (local.get $tables) (i32.eqz (i32.load8_u (i32.const 65)))))))
    (local.set $number (i32.add (local.get $number) (i32.const 1)))
    (br_if $again (i32.lt_u (local.get $number) (i32.const 400000))))
  (call $judge (local.get $tables) (i32.const 0)))
