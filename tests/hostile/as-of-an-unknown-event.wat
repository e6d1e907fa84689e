;; Asks what was known as of an event that is not of the batch.
;;
;; group: host-calls
;; expect: faults contract "asked as of an event that is not of the batch"
(func $inspect (param $tables i32) (param i32) (result i32)
  (call $lineage.processes (i64.const -2) (i32.const 0) (i32.const 0) (i32.const 64))
  (call $judge (local.get $tables) (i32.const 0)))
