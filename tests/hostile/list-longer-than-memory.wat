;; Returns a list of two billion findings that its memory does not hold.
;;
;; group: results
;; expect: faults malformed-result "inspect: malformed result"
(func $inspect (param $tables i32) (param i32) (result i32)
  (call $answer (i32.const 64) (i32.const 2147483647)))
