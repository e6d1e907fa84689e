;; Asks the host while it is configured, when there is no batch.
;;
;; group: host-calls
;; expect: refused contract "configure: broke the contract: called an import outside `inspect`"
(func $configure (param i32 i32 i32 i32) (result i32)
  (call $baselines.lookup (i64.const 1) (i32.const 0) (i32.const 0) (i32.const 64))
  (i32.const 32))
