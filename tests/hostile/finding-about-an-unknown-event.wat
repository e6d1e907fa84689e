;; Reports a finding about an event that is not of the batch.
;;
;; group: results
;; expect: silenced
(func $inspect (param i32 i32) (result i32)
  (call $report (global.get $escaped) (i64.const -2)))
