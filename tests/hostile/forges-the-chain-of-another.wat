;; Reports under the chain and the process of another analytic, to have its
;; findings taken for updates.
;;
;; group: isolation
;; expect: held
;; value: finding finding {"title": "held", "process": 1, "chain": "echo-0"}
(func $inspect (param $tables i32) (param i32) (result i32)
  (i64.store offset=24 (global.get $finding)
    (call $process (local.get $tables) (i32.const 0)))
  (call $report (global.get $finding) (call $event (local.get $tables) (i32.const 0))))
