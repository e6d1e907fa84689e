;; Asks one cheap question after the other and never stops.
;;
;; group: time
;; expect: faults deadline "inspect: ran longer than"
;; value: entry list<entry> [{"baseline": "b", "key": "k"}]
(func $inspect (param $tables i32) (param i32) (result i32)
  (local $left i32) (local $start i32)
  (local.set $start (global.get $next))
  ;; Fewer than it may ask, each as expensive as it may be: what is left is time.
  (loop $again
    (global.set $next (local.get $start))
    (call $baselines.rates
      (call $event (local.get $tables) (i32.const 0))
      (global.get $entry) (global.get $entry.length) (i32.const 1) (i32.const 64))
    (local.set $left (i32.add (local.get $left) (i32.const 1)))
    (br_if $again (i32.lt_u (local.get $left) (i32.const 499000))))
  (call $spin)
  (unreachable))
