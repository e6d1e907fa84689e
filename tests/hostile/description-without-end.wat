;; Describes itself in thirty megabytes.
;;
;; group: description
;; expect: refused malformed-result "fuel"
(func $describe (result i32)
  (i32.store offset=24 (global.get $description)
    (call $blank (i32.const 1) (i32.const 30000000)))
  (i32.store offset=28 (global.get $description) (i32.const 30000000))
  (global.get $description))
