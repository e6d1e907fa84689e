;; Asks for the same process again and again, because its answers cost the host
;; more than the questions cost the guest.
;;
;; group: host-calls
;; expect: faults contract "asked for longer answers than it may have in one call"
;; call-ms: 20000
;; contained-ms: 60000
(func $inspect (param $tables i32) (param i32) (result i32)
  (local $times i32) (local $at i32) (local $list i32) (local $start i32)
  (local.set $start (global.get $next))
  (loop $again
    (global.set $next (local.get $start))
    (local.set $list (call $blank (i32.const 8) (i32.const 64000)))
    (local.set $at (i32.const 0))
    (loop $fill
      (i64.store (i32.add (local.get $list) (local.get $at))
        (call $process (local.get $tables) (i32.const 0)))
      (local.set $at (i32.add (local.get $at) (i32.const 8)))
      (br_if $fill (i32.lt_u (local.get $at) (i32.const 64000))))
    (call $lineage.processes (call $event (local.get $tables) (i32.const 0))
      (local.get $list) (i32.const 8000) (i32.const 64))
    (local.set $times (i32.add (local.get $times) (i32.const 1)))
    (br_if $again (i32.lt_u (local.get $times) (i32.const 20))))
  (call $judge (local.get $tables) (i32.const 0)))
