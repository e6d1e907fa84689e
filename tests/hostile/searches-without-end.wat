;; Searches the text of every event for sixty-six things, one after the other,
;; before anybody counts its time.
;;
;; group: description
;; expect: refused subscription "has 66 `contains` tests together with those before it, more than 64"
;; describe: {"subscriptions": [{"class": "process.launch", "predicate": [{"text": {"field": "process.cmd_line", "comparison": "contains", "values": ["a"]}}, {"text": {"field": "process.cmd_line", "comparison": "contains", "values": ["b"]}}, {"any-of": 2}], "fields": ["process.pid", "process.handle"]}]}
(func $describe (result i32)
  (local $list i32) (local $at i32)
  (local.set $list (call $blank (i32.const 4) (i32.const 792)))
  (loop $again
    (memory.copy
      (i32.add (local.get $list) (local.get $at))
      (i32.load offset=100 (global.get $description)) (i32.const 24))
    (local.set $at (i32.add (local.get $at) (i32.const 24)))
    (br_if $again (i32.lt_u (local.get $at) (i32.const 792))))
  (i32.store offset=100 (global.get $description) (local.get $list))
  (i32.store offset=104 (global.get $description) (i32.const 33))
  (global.get $description))
