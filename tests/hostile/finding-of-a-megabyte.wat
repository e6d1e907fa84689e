;; Reports a finding with a title of a megabyte.
;;
;; group: results
;; expect: faults malformed-result "a finding of 1048576 bytes, more than 262144"
(func $inspect (param $tables i32) (param i32) (result i32)
  (i32.store (global.get $escaped) (call $blank (i32.const 1) (i32.const 1048576)))
  (i32.store offset=4 (global.get $escaped) (i32.const 1048576))
  (call $judge (local.get $tables) (i32.const 0)))
