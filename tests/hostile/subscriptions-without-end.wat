;; Subscribes ten thousand times, each a predicate for every event.
;;
;; group: description
;; expect: refused description "it has more than 64 subscriptions"
(func $describe (result i32)
  (local $list i32) (local $at i32)
  (local.set $list (call $blank (i32.const 4) (i32.const 240000)))
  (loop $again
    (memory.copy
      (i32.add (local.get $list) (local.get $at))
      (i32.load offset=100 (global.get $description)) (i32.const 24))
    (local.set $at (i32.add (local.get $at) (i32.const 24)))
    (br_if $again (i32.lt_u (local.get $at) (i32.const 240000))))
  (i32.store offset=100 (global.get $description) (local.get $list))
  (i32.store offset=104 (global.get $description) (i32.const 10000))
  (global.get $description))
