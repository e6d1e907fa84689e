;; Counts its calls in a global and says something else each time.
;;
;; group: isolation
;; expect: held
;; value: finding finding {"title": "held", "details": [{"name": "call", "value": "0"}]}
(global $calls (mut i32) (i32.const 48))
(func $inspect (param $tables i32) (param i32) (result i32)
  (global.set $calls (i32.add (global.get $calls) (i32.const 1)))
  (i32.store8 (i32.load offset=8 (i32.load offset=56 (global.get $finding)))
    (i32.and (global.get $calls) (i32.const 127)))
  (call $report (global.get $finding) (call $event (local.get $tables) (i32.const 0))))
