;; Traps on every sixteenth launch.
;;
;; group: faults
;; expect: loses 4 trap "unreachable"
(func $inspect (param $tables i32) (param i32) (result i32)
  (local $row i32) (local $number i64)
  (loop $next
    (local.set $number
      (i64.sub (call $pid (local.get $tables) (local.get $row)) (i64.const 1000)))
    (if 
      (i32.and
        (i64.lt_u (local.get $number) (i64.const 64))
        (i64.eqz (i64.and (local.get $number) (i64.const 15))))
      (then (unreachable)))
    (local.set $row (i32.add (local.get $row) (i32.const 1)))
    (br_if $next (i32.lt_u (local.get $row) (call $rows (local.get $tables)))))
  (call $judge (local.get $tables) (i32.const 1)))
