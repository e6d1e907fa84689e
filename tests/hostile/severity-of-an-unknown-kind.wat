;; Reports a finding of the eighteenth severity.
;;
;; group: results
;; expect: faults malformed-result "inspect: malformed result"
(func $inspect (param $tables i32) (param i32) (result i32)
  (i32.store8 offset=8 (global.get $escaped) (i32.const 17))
  (call $judge (local.get $tables) (i32.const 0)))
