;; Observes a key before it traps, to find it again when the batch is tried in
;; halves.
;;
;; group: isolation
;; expect: held
;; value: entry list<entry> [{"baseline": "b", "key": "left behind"}]
(func $inspect (param $tables i32) (param i32) (result i32)
  (local $event i64)
  (local.set $event (call $event (local.get $tables) (i32.const 0)))
  (if (i32.gt_u (call $rows (local.get $tables)) (i32.const 1))
    (then
      (call $baselines.observe (local.get $event)
        (global.get $entry) (i32.const 1) (i32.const 64))
      (unreachable)))
  (call $baselines.lookup (local.get $event)
    (global.get $entry) (i32.const 1) (i32.const 64))
  (call $judge (local.get $tables) (i64.eqz (i64.load (i32.load (i32.const 64))))))
