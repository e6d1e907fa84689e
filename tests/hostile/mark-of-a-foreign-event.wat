;; Puts a mark whose evidence is an event of another device.
;;
;; group: host-calls
;; expect: held
;; value: mark list<new-mark> [{"subject": {"item": "thing"}, "stage": "s", "lifetime": 86400}]
(func $inspect (param $tables i32) (param i32) (result i32)
  (i64.store offset=40 (global.get $mark)
    (i64.add (call $event (local.get $tables) (i32.const 0)) (i64.const 1)))
  (call $lineage.put-marks (call $event (local.get $tables) (i32.const 0))
    (global.get $mark) (i32.const 1) (i32.const 64))
  ;; An error, and the third one: unknown event.
  (call $judge (local.get $tables)
    (i32.eq (i32.load16_u (i32.const 64)) (i32.const 0x201))))
