;; Leaves something behind in a global before it traps, to find it again when
;; the batch is tried in halves.
;;
;; group: isolation
;; expect: held
(global $left_behind (mut i32) (i32.const 0))
(func $inspect (param $tables i32) (param i32) (result i32)
  (if (global.get $left_behind)
    (then (return (call $judge (local.get $tables) (i32.const 0)))))
  (if (i32.gt_u (call $rows (local.get $tables)) (i32.const 1))
    (then (global.set $left_behind (i32.const 1)) (unreachable)))
  (call $judge (local.get $tables) (i32.const 1)))
