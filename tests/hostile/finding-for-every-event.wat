;; Returns a finding about every event it is shown.
;;
;; group: time
;; expect: held
;; value: finding finding {"title": "held"}
(func $inspect (param $tables i32) (param i32) (result i32)
  (local $rows i32) (local $row i32) (local $findings i32) (local $at i32)
  (local.set $rows (call $rows (local.get $tables)))
  (if (i32.gt_u (local.get $rows) (i32.const 1000))
    (then (local.set $rows (i32.const 1000))))
  (local.set $findings
    (call $allocate (i32.const 8) (i32.shl (local.get $rows) (i32.const 6))))
  (loop $again
    (local.set $at
      (i32.add (local.get $findings) (i32.shl (local.get $row) (i32.const 6))))
    (memory.copy (local.get $at) (global.get $finding) (i32.const 64))
    (i64.store offset=32 (local.get $at) (call $event (local.get $tables) (local.get $row)))
    (local.set $row (i32.add (local.get $row) (i32.const 1)))
    (br_if $again (i32.lt_u (local.get $row) (local.get $rows))))
  (call $answer (local.get $findings) (local.get $rows)))
