;; Cites an event of the batch that comes after the one its finding is about,
;; on another device.
;;
;; group: results
;; expect: held
;; dropped: evidence
;; value: finding finding {"title": "held", "stages": [{"name": "s", "events": [0]}]}
(func $inspect (param $tables i32) (param i32) (result i32)
  (i64.store (call $cited)
    (call $event (local.get $tables)
      (i32.sub (call $rows (local.get $tables)) (i32.const 1))))
  (call $report (global.get $finding) (call $event (local.get $tables) (i32.const 0))))
;; The events that the first stage cites.
(func $cited (result i32)
  (i32.load offset=20 (i32.load offset=48 (global.get $finding))))
