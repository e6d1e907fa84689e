;; Writes ten thousand lines into the operator's log.
;;
;; group: host-calls
;; expect: held
;; denied: log.write
;; value: words string "all is well"
(func $inspect (param $tables i32) (param i32) (result i32)
  (local $line i32)
  (loop $again
    (call $log.write (i32.const 2) (global.get $words) (global.get $words.length))
    (local.set $line (i32.add (local.get $line) (i32.const 1)))
    (br_if $again (i32.lt_u (local.get $line) (i32.const 10000))))
  (call $judge (local.get $tables) (i32.const 1)))
