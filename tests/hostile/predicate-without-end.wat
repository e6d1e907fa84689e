;; Has a predicate of ten thousand negations within one another.
;;
;; group: description
;; expect: refused subscription "10000 steps, more than 256"
;; describe: {"subscriptions": [{"class": "process.launch", "predicate": [{"present": "process.pid"}], "fields": ["process.pid", "process.handle"]}]}
(func $describe (result i32)
  (local $steps i32) (local $at i32) (local $subscription i32)
  (local.set $subscription (i32.load offset=100 (global.get $description)))
  (local.set $steps (call $allocate (i32.const 4) (i32.const 240000)))
  ;; The first step as it was, and as many turned around after it.
  (memory.copy (local.get $steps) (i32.load offset=8 (local.get $subscription)) (i32.const 24))
  (local.set $at (i32.const 24))
  (loop $again
    (i32.store8 (i32.add (local.get $steps) (local.get $at)) (i32.const 5))
    (local.set $at (i32.add (local.get $at) (i32.const 24)))
    (br_if $again (i32.lt_u (local.get $at) (i32.const 240000))))
  (i32.store offset=8 (local.get $subscription) (local.get $steps))
  (i32.store offset=12 (local.get $subscription) (i32.const 10000))
  (global.get $description))
