;; Wants to write to the log, which the operator did not grant it.
;;
;; group: access
;; expect: refused not-granted "imports `log`, which it is not granted; add \"log\" to `grants` of [analytics."
;; grants: lineage baselines
;; value: words string "all is well"
(func $inspect (param $tables i32) (param i32) (result i32)
  (call $log.write (i32.const 2) (global.get $words) (global.get $words.length))
  (call $judge (local.get $tables) (i32.const 0)))
