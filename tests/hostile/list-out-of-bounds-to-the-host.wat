;; Hands the host a list of marks that lies where it has no memory.
;;
;; group: host-calls
;; expect: faults malformed-result "inspect: malformed result"
(func $inspect (param $tables i32) (param i32) (result i32)
  (call $lineage.put-marks (call $event (local.get $tables) (i32.const 0))
    (i32.const -56) (i32.const 1000) (i32.const 64))
  (call $judge (local.get $tables) (i32.const 0)))
