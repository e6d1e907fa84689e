;; Has three thousand marks that expire at once and one that does not hold an
;; event, and then cites that event four hundred times in one call: for each the
;; host would look through all of them.
;;
;; group: host-calls
;; expect: held
;; call-ms: 5000
;; value: mark list<new-mark> [{"subject": {"item": "1234"}, "stage": "s", "lifetime": 0}]
(func $inspect (param $tables i32) (param i32) (result i32)
  (local $event i64) (local $number i32) (local $marks i32) (local $at i32)
  ;; Two events of one device are every other row. The marks must have expired
  ;; by the time of the second. In a small batch it lies low.
  (if
    (i32.lt_u (call $rows (local.get $tables)) (i32.const 32))
    (then (return (call $judge (local.get $tables) (i32.const 1)))))
  (if
    (i64.eq
      (i64.load (i32.load offset=12 (local.get $tables)))
      (i64.load offset=16 (i32.load offset=12 (local.get $tables))))
    (then (return (call $judge (local.get $tables) (i32.const 1)))))
  (local.set $event (call $event (local.get $tables) (i32.const 0)))
  (i64.store offset=40 (global.get $mark) (local.get $event))
  (loop $again
    (i32.store (i32.load offset=8 (global.get $mark)) (call $spell (local.get $number)))
    ;; The last one lives for a day.
    (if (i32.eq (local.get $number) (i32.const 3000))
      (then (i32.store offset=48 (global.get $mark) (i32.const 86400))))
    (call $lineage.put-marks (local.get $event)
      (global.get $mark) (i32.const 1) (i32.const 64))
    (local.set $number (i32.add (local.get $number) (i32.const 1)))
    (br_if $again (i32.le_u (local.get $number) (i32.const 3000))))
  (local.set $marks (call $allocate (i32.const 8) (i32.const 22400)))
  (loop $again
    (memory.copy
      (i32.add (local.get $marks) (local.get $at)) (global.get $mark) (i32.const 56))
    (local.set $at (i32.add (local.get $at) (i32.const 56)))
    (br_if $again (i32.lt_u (local.get $at) (i32.const 22400))))
  (call $lineage.put-marks (call $event (local.get $tables) (i32.const 2))
    (local.get $marks) (i32.const 400) (i32.const 64))
  (call $judge (local.get $tables) (i32.load8_u (i32.const 64))))
