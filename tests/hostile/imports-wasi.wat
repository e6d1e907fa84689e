;; Wants to read the environment of the process.
;;
;; group: access
;; expect: refused unknown-import "imports `wasi:cli/environment@0.2.0`, which Sandtrap does not offer"
(component
  (import "wasi:cli/environment@0.2.0"
    (instance
      (export "get-environment" (func (result (list (tuple string string))))))))
