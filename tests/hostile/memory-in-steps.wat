;; Takes one page of memory after the other.
;;
;; group: memory
;; expect: faults memory "inspect: wanted more than the"
(func $inspect (param $tables i32) (param i32) (result i32)
  (loop $again
    (if (i32.eq (memory.grow (i32.const 1)) (i32.const -1)) (then (unreachable)))
    (br_if $again (i32.lt_u (memory.size) (i32.const 4096))))
  (call $judge (local.get $tables) (i32.const 0)))
