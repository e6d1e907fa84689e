;; Wants to reach the network through an interface that the contract does not
;; have, under the name of the contract.
;;
;; group: access
;; expect: refused unknown-import "imports `sandtrap:analytic/network@0.1.0`, which Sandtrap does not offer"
(component
  (import "sandtrap:analytic/network@0.1.0"
    (instance (export "connect" (func (param "to" string))))))
