;; Keeps an event of one batch in a global and cites it in the next, so that a
;; finding would depend on which events share a batch.
;;
;; group: results
;; expect: held
;; dropped: evidence
;; value: finding finding {"title": "held", "stages": [{"name": "s", "events": [0]}]}
(global $before (mut i64) (i64.const -2))
(func $inspect (param $tables i32) (param i32) (result i32)
  (i64.store
    (i32.load offset=20 (i32.load offset=48 (global.get $finding)))
    (global.get $before))
  (global.set $before (call $event (local.get $tables) (i32.const 0)))
  (call $report (global.get $finding) (call $event (local.get $tables) (i32.const 0))))
