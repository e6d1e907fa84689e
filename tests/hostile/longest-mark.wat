;; Puts a mark with a note of a megabyte.
;;
;; group: host-calls
;; expect: held
;; value: mark list<new-mark> [{"subject": {"item": "thing"}, "stage": "s", "lifetime": 86400}]
(func $inspect (param $tables i32) (param i32) (result i32)
  (local $event i64)
  (local.set $event (call $event (local.get $tables) (i32.const 0)))
  (i64.store offset=40 (global.get $mark) (local.get $event))
  (i32.store offset=28 (global.get $mark) (call $blank (i32.const 1) (i32.const 1048576)))
  (i32.store offset=32 (global.get $mark) (i32.const 1048576))
  (call $lineage.put-marks (local.get $event) (global.get $mark) (i32.const 1) (i32.const 64))
  ;; An error, and the second one: too long.
  (call $judge (local.get $tables)
    (i32.eq (i32.load16_u (i32.const 64)) (i32.const 0x101))))
