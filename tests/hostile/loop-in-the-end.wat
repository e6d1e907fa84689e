;; Works well until a certain moment, and never comes back from any event after
;; it.
;;
;; group: time
;; expect: faults deadline "inspect: ran longer than"
(func $inspect (param $tables i32) (param i32) (result i32)
  ;; The time of the last row: 2026-03-04 10:00:40 UTC, or later.
  (if
    (i64.ge_s
      (i64.load
        (i32.add
          (i32.load offset=12 (local.get $tables))
          (i32.shl
            (i32.sub (call $rows (local.get $tables)) (i32.const 1))
            (i32.const 3))))
      (i64.const 1772618440000))
    (then (call $spin)))
  (call $judge (local.get $tables) (i32.const 1)))
