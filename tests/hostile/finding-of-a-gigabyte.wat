;; Reports a finding of a gigabyte that takes a megabyte of its own memory:
;; a thousand stages whose summaries all lie in the same place.
;;
;; group: results
;; expect: faults malformed-result "fuel"
(func $inspect (param $tables i32) (param i32) (result i32)
  (local $text i32) (local $stages i32) (local $number i32)
  (local.set $text (call $blank (i32.const 1) (i32.const 1048576)))
  (local.set $stages (call $blank (i32.const 4) (i32.const 28000)))
  (i32.store offset=48 (global.get $escaped) (local.get $stages))
  (i32.store offset=52 (global.get $escaped) (i32.const 1000))
  (loop $again
    (i32.store offset=12 (local.get $stages) (local.get $text))
    (i32.store offset=16 (local.get $stages) (i32.const 1048576))
    (local.set $stages (i32.add (local.get $stages) (i32.const 28)))
    (local.set $number (i32.add (local.get $number) (i32.const 1)))
    (br_if $again (i32.lt_u (local.get $number) (i32.const 1000))))
  (call $judge (local.get $tables) (i32.const 0)))
