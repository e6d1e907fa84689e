;; Asks the host in the start function of its module, when nothing is there yet.
;;
;; group: host-calls
;; expect: refused trap "instantiate: trapped"
(func $ask
  (call $lineage.processes (i64.const 1) (i32.const 0) (i32.const 0) (i32.const 64)))
(start $ask)
