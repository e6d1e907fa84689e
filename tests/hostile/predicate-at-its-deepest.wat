;; Has a predicate as deep as may be, evaluated for every launch.
;;
;; group: description
;; expect: held
;; describe: {"subscriptions": [{"class": "process.launch", "predicate": [{"present": "process.pid"}], "fields": ["process.pid", "process.handle"]}]}
(func $describe (result i32)
  (local $steps i32) (local $at i32) (local $subscription i32)
  (local.set $subscription (i32.load offset=100 (global.get $description)))
  (local.set $steps (call $allocate (i32.const 4) (i32.const 6120)))
  ;; The first step as it was, and as many turned around after it.
  (memory.copy (local.get $steps) (i32.load offset=8 (local.get $subscription)) (i32.const 24))
  (local.set $at (i32.const 24))
  (loop $again
    (i32.store8 (i32.add (local.get $steps) (local.get $at)) (i32.const 5))
    (local.set $at (i32.add (local.get $at) (i32.const 24)))
    (br_if $again (i32.lt_u (local.get $at) (i32.const 6120))))
  (i32.store offset=8 (local.get $subscription) (local.get $steps))
  (i32.store offset=12 (local.get $subscription) (i32.const 255))
  (global.get $description))
(func $inspect (param $tables i32) (param i32) (result i32)
  (call $judge (local.get $tables) (i32.const 1)))
