;; Has a function that keeps thousands of values alive through thousands of
;; loops, which is what allocating registers takes the longest for.
;;
;; group: compiler
;; expect: held
;; contained-ms: 60000
;; generate: live-values 1000
(func $inspect (param $tables i32) (param i32) (result i32)
  (call $judge (local.get $tables) (i32.const 1)))
