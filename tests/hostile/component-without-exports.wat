;; A component that exports nothing.
;;
;; group: access
;; expect: refused no-detector "does not export `sandtrap:analytic/detector@0.1.0`"
(component)
