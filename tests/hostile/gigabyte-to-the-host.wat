;; Hands the host a gigabyte that takes a megabyte of its own memory: a thousand
;; keys that all lie in the same place.
;;
;; group: host-calls
;; expect: faults malformed-result "fuel"
(func $inspect (param $tables i32) (param i32) (result i32)
  (local $text i32) (local $entries i32) (local $at i32)
  (local.set $text (call $blank (i32.const 1) (i32.const 1048576)))
  (local.set $entries (call $blank (i32.const 4) (i32.const 16000)))
  (loop $again
    (i32.store offset=8 (i32.add (local.get $entries) (local.get $at)) (local.get $text))
    (i32.store offset=12 (i32.add (local.get $entries) (local.get $at)) (i32.const 1048576))
    (local.set $at (i32.add (local.get $at) (i32.const 16)))
    (br_if $again (i32.lt_u (local.get $at) (i32.const 16000))))
  (call $baselines.observe (call $event (local.get $tables) (i32.const 0))
    (local.get $entries) (i32.const 1000) (i32.const 64))
  (call $judge (local.get $tables) (i32.const 0)))
