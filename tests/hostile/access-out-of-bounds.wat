;; Reads where it has no memory.
;;
;; group: faults
;; expect: faults trap "inspect: trapped: wasm trap: out of bounds memory access"
(func $inspect (param i32 i32) (result i32)
  (i32.load (i32.const -4)))
