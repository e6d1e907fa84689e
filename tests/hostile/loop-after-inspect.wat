;; Answers, and never comes back from cleaning up after the answer.
;;
;; group: time
;; expect: faults deadline "inspect: ran longer than"
(func $after_call (param i32) (call $spin))
