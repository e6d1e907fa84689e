;; Asks for all descendants of a thousand processes at once.
;;
;; group: host-calls
;; expect: faults contract "asked the host more than it may in one call"
(func $inspect (param $tables i32) (param i32) (result i32)
  (call $lineage.descendants (call $event (local.get $tables) (i32.const 0))
    (call $blank (i32.const 8) (i32.const 8000)) (i32.const 1000)
    (i32.const -1) (i32.const 64))
  (call $judge (local.get $tables) (i32.const 0)))
