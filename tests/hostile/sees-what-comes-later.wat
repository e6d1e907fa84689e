;; Asks about the last process of a batch as of its first event.
;;
;; group: isolation
;; expect: held
(func $inspect (param $tables i32) (param i32) (result i32)
  (local $last i32) (local $list i32)
  (local.set $last (i32.sub (call $rows (local.get $tables)) (i32.const 1)))
  ;; A batch of one has nothing that comes later.
  (if (i32.eqz (local.get $last))
    (then (return (call $judge (local.get $tables) (i32.const 1)))))
  (local.set $list (call $blank (i32.const 8) (i32.const 8)))
  (i64.store (local.get $list) (call $process (local.get $tables) (local.get $last)))
  (call $lineage.processes (call $event (local.get $tables) (i32.const 0))
    (local.get $list) (i32.const 1) (i32.const 64))
  ;; Whether there is an answer.
  (call $judge (local.get $tables) (i32.eqz (i32.load8_u (i32.load (i32.const 64))))))
