;; Hands the host a key that is not UTF-8.
;;
;; group: host-calls
;; expect: faults malformed-result "utf-8"
;; value: entry list<entry> [{"baseline": "b", "key": [82, 195, 40, 255]}]
(func $inspect (param $tables i32) (param i32) (result i32)
  (call $baselines.observe (call $event (local.get $tables) (i32.const 0))
    (global.get $entry) (global.get $entry.length) (i32.const 64))
  (call $judge (local.get $tables) (i32.const 0)))
