;; Reports a finding whose detail is not UTF-8.
;;
;; group: results
;; expect: faults malformed-result "utf-8"
;; value: finding finding {"title": "escaped", "details": [{"name": "d", "value": [82, 195, 40, 255]}]}
(func $inspect (param $tables i32) (param i32) (result i32)
  (call $report (global.get $finding) (call $event (local.get $tables) (i32.const 0))))
