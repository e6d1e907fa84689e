;; Lets a table grow without end.
;;
;; group: memory
;; expect: faults memory "inspect: wanted more than the"
(table $table 1 funcref)
(func $inspect (param $tables i32) (param i32) (result i32)
  (loop $again
    (if
      (i32.eq (table.grow $table (ref.null func) (i32.const 10000)) (i32.const -1))
      (then (unreachable)))
    (br_if $again (i32.lt_u (table.size $table) (i32.const 1000000))))
  (call $judge (local.get $tables) (i32.const 0)))
