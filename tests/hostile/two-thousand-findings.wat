;; Returns more findings than anybody would read.
;;
;; group: results
;; expect: faults malformed-result "2000 findings, more than 1000"
(func $inspect (param i32 i32) (result i32)
  ;; Nothing but zeros: findings without a title.
  (call $answer (call $blank (i32.const 8) (i32.const 128000)) (i32.const 2000)))
