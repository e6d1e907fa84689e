;; Has a function made to take long to compile: a thousand blocks within one
;; another, each with a jump to all around it.
;;
;; group: compiler
;; expect: held
;; contained-ms: 60000
;; generate: nested-blocks 500
(func $inspect (param $tables i32) (param i32) (result i32)
  (call $judge (local.get $tables) (i32.const 1)))
