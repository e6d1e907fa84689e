;; Asks for the ancestors of eight thousand processes in one call, and again,
;; and again.
;;
;; group: host-calls
;; expect: faults contract "asked the host more than it may in one call"
;; call-ms: 5000
(func $inspect (param $tables i32) (param i32) (result i32)
  (local $times i32) (local $start i32)
  (local.set $start (global.get $next))
  (loop $again
    (global.set $next (local.get $start))
    (call $lineage.ancestors (call $event (local.get $tables) (i32.const 0))
      (call $blank (i32.const 8) (i32.const 64000)) (i32.const 8000)
      (i32.const 64) (i32.const 64))
    (local.set $times (i32.add (local.get $times) (i32.const 1)))
    (br_if $again (i32.lt_u (local.get $times) (i32.const 3))))
  (call $judge (local.get $tables) (i32.const 0)))
