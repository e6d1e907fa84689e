;; Asks for marks that another analytic puts, on the same process under the same
;; name.
;;
;; group: isolation
;; expect: held
;; value: subject list<subject> [{"process": 0}]
(func $inspect (param $tables i32) (param i32) (result i32)
  (local $last i32)
  (local.set $last (i32.sub (call $rows (local.get $tables)) (i32.const 1)))
  (i64.store offset=8 (global.get $subject)
    (call $process (local.get $tables) (local.get $last)))
  (call $lineage.marks (call $event (local.get $tables) (local.get $last))
    (global.get $subject) (i32.const 1) (i32.const 64))
  ;; The length of the first list within the answer.
  (call $judge (local.get $tables)
    (i32.eqz (i32.load offset=4 (i32.load (i32.const 64))))))
