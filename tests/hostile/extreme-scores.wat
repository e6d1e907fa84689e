;; Reports the highest and the lowest score there is. The contract has no
;; floating point in what an analytic says, so no score is not a number.
;;
;; group: results
;; expect: held
;; value: findings list<finding> [{"title": "held", "score": 2147483647, "stages": [{"score": -2147483648}]}, {"title": "held", "score": -2147483648, "severity": "critical"}]
(func $inspect (param $tables i32) (param i32) (result i32)
  (local $event i64)
  (local.set $event (call $event (local.get $tables) (i32.const 0)))
  (i64.store offset=32 (global.get $findings) (local.get $event))
  (i64.store offset=96 (global.get $findings) (local.get $event))
  (call $answer (global.get $findings) (global.get $findings.length)))
