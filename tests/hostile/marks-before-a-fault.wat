;; Puts a mark before it traps, to find it again when the batch is tried in
;; halves.
;;
;; group: isolation
;; expect: held
;; value: mark list<new-mark> [{"subject": {"item": "left behind"}, "stage": "s", "lifetime": 86400}]
(func $inspect (param $tables i32) (param i32) (result i32)
  (local $event i64)
  (local.set $event (call $event (local.get $tables) (i32.const 0)))
  (if (i32.gt_u (call $rows (local.get $tables)) (i32.const 1))
    (then
      (i64.store offset=40 (global.get $mark) (local.get $event))
      (call $lineage.put-marks (local.get $event)
        (global.get $mark) (i32.const 1) (i32.const 64))
      (unreachable)))
  ;; A mark begins with what it is put on.
  (call $lineage.marks (local.get $event) (global.get $mark) (i32.const 1) (i32.const 64))
  (call $judge (local.get $tables)
    (i32.eqz (i32.load offset=4 (i32.load (i32.const 64))))))
