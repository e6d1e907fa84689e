;; Asks what was known as of an event of the batch that is not one of those it
;; subscribed to.
;;
;; group: host-calls
;; expect: faults contract "asked as of an event that is not of the batch"
;; describe: {"subscriptions": [{"class": "process.launch", "predicate": [{"text": {"field": "process.cmd_line", "comparison": "ends-with", "values": ["0", "5"]}}], "fields": ["process.pid", "process.handle"]}]}
(func $inspect (param $tables i32) (param i32) (result i32)
  (call $lineage.processes
    (i64.add (call $event (local.get $tables) (i32.const 0)) (i64.const 1))
    (i32.const 0) (i32.const 0) (i32.const 64))
  (call $judge (local.get $tables) (i32.const 0)))
