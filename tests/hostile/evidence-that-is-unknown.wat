;; Cites an event that nobody ever saw.
;;
;; group: results
;; expect: held
;; dropped: evidence
;; value: finding finding {"title": "held", "stages": [{"name": "s", "events": [0]}]}
(func $inspect (param $tables i32) (param i32) (result i32)
  (i64.store (call $cited) (i64.const -2))
  (call $report (global.get $finding) (call $event (local.get $tables) (i32.const 0))))
;; The events that the first stage cites.
(func $cited (result i32)
  (i32.load offset=20 (i32.load offset=48 (global.get $finding))))
