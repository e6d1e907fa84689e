;; Puts marks of its own over those of another analytic, on the same processes
;; under the same name.
;;
;; group: isolation
;; expect: held
;; value: mark list<new-mark> [{"subject": {"process": 0}, "stage": "echo.seen", "score": 1000, "note": "forged", "lifetime": 86400}]
(func $inspect (param $tables i32) (param i32) (result i32)
  (local $row i32)
  (loop $next
    (i64.store offset=8 (global.get $mark)
      (call $process (local.get $tables) (local.get $row)))
    (i64.store offset=40 (global.get $mark)
      (call $event (local.get $tables) (local.get $row)))
    (call $lineage.put-marks (call $event (local.get $tables) (local.get $row))
      (global.get $mark) (i32.const 1) (i32.const 64))
    (local.set $row (i32.add (local.get $row) (i32.const 1)))
    (br_if $next (i32.lt_u (local.get $row) (call $rows (local.get $tables)))))
  (call $judge (local.get $tables) (i32.const 1)))
