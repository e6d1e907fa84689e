;; Observes the keys of another analytic a hundred times more often, under the
;; name of its baseline.
;;
;; group: isolation
;; expect: held
;; value: entry list<entry> [{"baseline": "images", "key": "C:\\Program Files\\Backup Agent\\agent.exe"}]
(func $inspect (param $tables i32) (param i32) (result i32)
  (local $times i32)
  (loop $again
    (call $baselines.observe (call $event (local.get $tables) (i32.const 0))
      (global.get $entry) (i32.const 1) (i32.const 64))
    (local.set $times (i32.add (local.get $times) (i32.const 1)))
    (br_if $again (i32.lt_u (local.get $times) (i32.const 100))))
  (call $judge (local.get $tables) (i32.const 1)))
