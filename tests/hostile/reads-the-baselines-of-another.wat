;; Asks for a baseline that another analytic learns, by its name and a key that
;; it has.
;;
;; group: isolation
;; expect: held
;; value: entry list<entry> [{"baseline": "images", "key": "C:\\Program Files\\Backup Agent\\agent.exe"}]
(func $inspect (param $tables i32) (param i32) (result i32)
  (call $baselines.lookup
    (call $event (local.get $tables)
      (i32.sub (call $rows (local.get $tables)) (i32.const 1)))
    (global.get $entry) (i32.const 1) (i32.const 64))
  ;; How often it was seen on the device, and on all.
  (call $judge (local.get $tables)
    (i64.eqz
      (i64.or
        (i64.load (i32.load (i32.const 64)))
        (i64.load offset=56 (i32.load (i32.const 64)))))))
