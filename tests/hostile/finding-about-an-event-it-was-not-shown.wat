;; Reports a finding about an event of the batch that is not one of those it
;; subscribed to, to have the host tell who was behind it.
;;
;; group: results
;; expect: silenced
;; describe: {"subscriptions": [{"class": "process.launch", "predicate": [{"text": {"field": "process.cmd_line", "comparison": "ends-with", "values": ["0", "5"]}}], "fields": ["process.pid", "process.handle"]}]}
(func $inspect (param $tables i32) (param i32) (result i32)
  (call $report (global.get $escaped)
    (i64.add (call $event (local.get $tables) (i32.const 0)) (i64.const 1))))
