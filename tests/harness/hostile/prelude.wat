;; What every hostile guest begins with, so that its own file holds the attack
;; and nothing else. BEFORE it stand the imports it uses, its values, and the
;; global $free, where its memory is still unused.

;; Allocates by moving on; what a call took is free again after it.
(func $allocate (param $align i32) (param $size i32) (result i32)
  (local $at i32) (local $end i32)
  (local.set $at
    (i32.and
      (i32.add (global.get $next) (i32.sub (local.get $align) (i32.const 1)))
      (i32.sub (i32.const 0) (local.get $align))))
  (local.set $end (i32.add (local.get $at) (local.get $size)))
  (if (i32.gt_u (local.get $end) (i32.shl (memory.size) (i32.const 16)))
    (then
      (if
        (i32.eq
          (memory.grow
            (i32.add
              (i32.shr_u
                (i32.sub (local.get $end) (i32.shl (memory.size) (i32.const 16)))
                (i32.const 16))
              (i32.const 1)))
          (i32.const -1))
        (then (unreachable)))))
  (global.set $next (local.get $end))
  (local.get $at))

;; The same, all zeros.
(func $blank (param $align i32) (param $size i32) (result i32)
  (local $at i32)
  (local.set $at (call $allocate (local.get $align) (local.get $size)))
  (memory.fill (local.get $at) (i32.const 0) (local.get $size))
  (local.get $at))

;; Four letters for a number, others for each.
(func $spell (param $number i32) (result i32)
  (i32.or
    (i32.or
      (i32.and (local.get $number) (i32.const 0x7f))
      (i32.and (i32.shl (local.get $number) (i32.const 1)) (i32.const 0x7f00)))
    (i32.or
      (i32.and (i32.shl (local.get $number) (i32.const 2)) (i32.const 0x7f0000))
      (i32.and (i32.shl (local.get $number) (i32.const 3)) (i32.const 0x7f000000)))))

;; The rows of the first table, and of a row the event, `process.pid` and
;; `process.handle`.
(func $rows (param $tables i32) (result i32)
  (i32.load offset=8 (local.get $tables)))

(func $event (param $tables i32) (param $row i32) (result i64)
  (i64.load
    (i32.add
      (i32.load offset=4 (local.get $tables))
      (i32.shl (local.get $row) (i32.const 3)))))

(func $pid (param $tables i32) (param $row i32) (result i64)
  (i64.load
    (i32.add
      (i32.load offset=4 (i32.load offset=20 (local.get $tables)))
      (i32.shl (local.get $row) (i32.const 3)))))

(func $process (param $tables i32) (param $row i32) (result i64)
  (i64.load
    (i32.add
      (i32.load offset=32 (i32.load offset=20 (local.get $tables)))
      (i32.shl (local.get $row) (i32.const 3)))))

;; Returns so many findings.
(func $answer (param $findings i32) (param $count i32) (result i32)
  (i32.store (i32.const 16) (i32.const 0))
  (i32.store (i32.const 20) (local.get $findings))
  (i32.store (i32.const 24) (local.get $count))
  (i32.const 16))

(func $silence (result i32)
  (call $answer (i32.const 0) (i32.const 0)))

;; Returns one finding about an event.
(func $report (param $finding i32) (param $event i64) (result i32)
  (i64.store offset=32 (local.get $finding) (local.get $event))
  (call $answer (local.get $finding) (i32.const 1)))

;; Reports on the first event whether it was held back or got through.
(func $judge (param $tables i32) (param $was_held i32) (result i32)
  (call $report
    (select (global.get $held) (global.get $escaped) (local.get $was_held))
    (call $event (local.get $tables) (i32.const 0))))

;; Never returns.
(func $spin
  (loop $again (br $again)))

;; Calls itself until the stack ends.
(func $recurse (param $depth i64) (result i64)
  (i64.add
    (call $recurse (i64.add (local.get $depth) (i64.const 1)))
    (local.get $depth)))
