;; Returns as many findings as its memory holds, each nothing but zeros.
;;
;; group: results
;; expect: faults malformed-result "100000 findings, more than 1000"
;; call-ms: 10000
;; contained-ms: 60000
(func $inspect (param i32 i32) (result i32)
  ;; A hundred thousand for each of six megabytes.
  (call $answer (call $blank (i32.const 8) (i32.const 6400000)) (i32.const 100000)))
