;; Puts a thousand marks on the same process, each of a stage of its own, so
;; that looking through them would take long.
;;
;; group: host-calls
;; expect: held
;; value: mark list<new-mark> [{"subject": {"item": "thing"}, "stage": "0000", "lifetime": 86400}]
(func $inspect (param $tables i32) (param i32) (result i32)
  (local $event i64) (local $number i32)
  (local.set $event (call $event (local.get $tables) (i32.const 0)))
  (i64.store offset=40 (global.get $mark) (local.get $event))
  (loop $again
    (i32.store (i32.load offset=16 (global.get $mark))
      (call $spell (local.get $number)))
    (call $lineage.put-marks (local.get $event)
      (global.get $mark) (i32.const 1) (i32.const 64))
    (if (i32.load8_u (i32.const 64))
      (then
        (return (call $judge (local.get $tables) (i32.eqz (i32.load8_u (i32.const 65)))))))
    (local.set $number (i32.add (local.get $number) (i32.const 1)))
    (br_if $again (i32.lt_u (local.get $number) (i32.const 1000))))
  (call $judge (local.get $tables) (i32.const 0)))
