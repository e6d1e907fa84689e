;; Wants a function that an interface of the contract does not have.
;;
;; group: access
;; expect: refused invalid "sandtrap:analytic/log@0.1.0"
(component
  (import "sandtrap:analytic/log@0.1.0"
    (instance (export "read" (func (result string))))))
