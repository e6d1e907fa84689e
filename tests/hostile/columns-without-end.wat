;; Subscribes to the same events sixty-four times, with nine fields each, so that
;; every event is copied as often.
;;
;; group: description
;; expect: refused description "576 fields"
;; describe: {"subscriptions": [{"class": "process.launch", "predicate": [], "fields": ["process.pid", "process.handle", "process.cmd_line", "process.file.path", "process.user.name", "process.integrity", "process.uid", "process.working_directory", "process.file.internal_name"]}]}
(func $describe (result i32)
  (local $list i32) (local $at i32)
  (local.set $list (call $blank (i32.const 4) (i32.const 1536)))
  (loop $again
    (memory.copy
      (i32.add (local.get $list) (local.get $at))
      (i32.load offset=100 (global.get $description)) (i32.const 24))
    (local.set $at (i32.add (local.get $at) (i32.const 24)))
    (br_if $again (i32.lt_u (local.get $at) (i32.const 1536))))
  (i32.store offset=100 (global.get $description) (local.get $list))
  (i32.store offset=104 (global.get $description) (i32.const 64))
  (global.get $description))
