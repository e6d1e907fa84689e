;; Wants the lineage of a version of the contract that does not exist yet.
;;
;; group: access
;; expect: refused unknown-import "imports `sandtrap:analytic/lineage@0.2.0`, which Sandtrap does not offer"
(component
  (import "sandtrap:analytic/lineage@0.2.0"
    (instance (export "kill" (func (param "process" u64))))))
