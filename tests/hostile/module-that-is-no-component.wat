;; A core module, which has no typed interface that could be checked.
;;
;; group: access
;; expect: refused core-module "this is a core module, not a component"
(module
  (memory (export "memory") 1)
  (func (export "inspect") (param i32 i32) (result i32) (i32.const 0)))
