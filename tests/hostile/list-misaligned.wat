;; Returns a list that begins at an odd address.
;;
;; group: results
;; expect: faults malformed-result "inspect: malformed result"
(func $inspect (param $tables i32) (param i32) (result i32)
  (call $answer (i32.const 65) (i32.const 1)))
