;; Traps whatever it is shown.
;;
;; group: faults
;; expect: faults trap "inspect: trapped: wasm trap: wasm `unreachable` instruction executed"
(func $inspect (param i32 i32) (result i32)
  (unreachable))
