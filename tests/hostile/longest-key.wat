;; Observes a key of a megabyte.
;;
;; group: host-calls
;; expect: held
;; value: entry list<entry> [{"baseline": "b"}]
(func $inspect (param $tables i32) (param i32) (result i32)
  (i32.store offset=8 (global.get $entry) (call $blank (i32.const 1) (i32.const 1048576)))
  (i32.store offset=12 (global.get $entry) (i32.const 1048576))
  (call $baselines.observe (call $event (local.get $tables) (i32.const 0))
    (global.get $entry) (i32.const 1) (i32.const 64))
  (call $judge (local.get $tables)
    (i32.eq (i32.load16_u (i32.const 64)) (i32.const 0x101))))
