;; Asks the host while it describes itself, before it was granted anything.
;;
;; group: host-calls
;; expect: refused contract "describe: broke the contract: called an import outside `inspect`"
(func $describe (result i32)
  (call $lineage.processes (i64.const 1) (i32.const 0) (i32.const 0) (i32.const 64))
  (global.get $description))
