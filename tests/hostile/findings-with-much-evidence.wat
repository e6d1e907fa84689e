;; Returns a thousand findings whose forty stages each cite the same event: a
;; megabyte of answer, and forty of evidence.
;;
;; group: results
;; expect: faults malformed-result "with their evidence and process trees"
;; call-ms: 5000
;; value: finding finding {"title": "s", "stages": [{"name": "s", "events": [0]},{"name": "s", "events": [0]},{"name": "s", "events": [0]},{"name": "s", "events": [0]},{"name": "s", "events": [0]},{"name": "s", "events": [0]},{"name": "s", "events": [0]},{"name": "s", "events": [0]},{"name": "s", "events": [0]},{"name": "s", "events": [0]},{"name": "s", "events": [0]},{"name": "s", "events": [0]},{"name": "s", "events": [0]},{"name": "s", "events": [0]},{"name": "s", "events": [0]},{"name": "s", "events": [0]},{"name": "s", "events": [0]},{"name": "s", "events": [0]},{"name": "s", "events": [0]},{"name": "s", "events": [0]},{"name": "s", "events": [0]},{"name": "s", "events": [0]},{"name": "s", "events": [0]},{"name": "s", "events": [0]},{"name": "s", "events": [0]},{"name": "s", "events": [0]},{"name": "s", "events": [0]},{"name": "s", "events": [0]},{"name": "s", "events": [0]},{"name": "s", "events": [0]},{"name": "s", "events": [0]},{"name": "s", "events": [0]},{"name": "s", "events": [0]},{"name": "s", "events": [0]},{"name": "s", "events": [0]},{"name": "s", "events": [0]},{"name": "s", "events": [0]},{"name": "s", "events": [0]},{"name": "s", "events": [0]},{"name": "s", "events": [0]}]}
(func $inspect (param $tables i32) (param i32) (result i32)
  (local $event i64) (local $stage i32) (local $last i32) (local $findings i32) (local $at i32)
  (local.set $event (call $event (local.get $tables) (i32.const 0)))
  (i64.store offset=32 (global.get $finding) (local.get $event))
  (local.set $stage (i32.load offset=48 (global.get $finding)))
  (local.set $last (i32.add (local.get $stage) (i32.const 1120)))
  (loop $again
    (i64.store (i32.load offset=20 (local.get $stage)) (local.get $event))
    (local.set $stage (i32.add (local.get $stage) (i32.const 28)))
    (br_if $again (i32.lt_u (local.get $stage) (local.get $last))))
  (local.set $findings (call $allocate (i32.const 8) (i32.const 64000)))
  (loop $again
    (memory.copy
      (i32.add (local.get $findings) (local.get $at)) (global.get $finding) (i32.const 64))
    (local.set $at (i32.add (local.get $at) (i32.const 64)))
    (br_if $again (i32.lt_u (local.get $at) (i32.const 64000))))
  (call $answer (local.get $findings) (i32.const 1000)))
