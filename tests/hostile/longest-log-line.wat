;; Writes a line of four megabytes into the operator's log.
;;
;; group: host-calls
;; expect: held
(func $inspect (param $tables i32) (param i32) (result i32)
  (call $log.write (i32.const 2)
    (call $blank (i32.const 1) (i32.const 4194304)) (i32.const 4194304))
  (call $judge (local.get $tables) (i32.const 1)))
