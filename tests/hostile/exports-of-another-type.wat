;; Exports the interface by its name, with a function of another type.
;;
;; group: access
;; expect: refused no-detector "does not export `sandtrap:analytic/detector@0.1.0`"
(component
  (core module $module (func (export "describe") (result i32) (i32.const 0)))
  (core instance $instance (instantiate $module))
  (func $describe (result u32) (canon lift (core func $instance "describe")))
  (instance $detector (export "describe" (func $describe)))
  (export "sandtrap:analytic/detector@0.1.0" (instance $detector)))
