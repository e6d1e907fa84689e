;; Has twenty thousand functions.
;;
;; group: compiler
;; expect: held
;; contained-ms: 60000
;; generate: many-functions 20000
(func $inspect (param $tables i32) (param i32) (result i32)
  (call $judge (local.get $tables) (i32.const 1)))
