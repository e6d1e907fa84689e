;; Returns findings whose titles, stages and details lie over one another.
;; That alone harms nobody.
;;
;; group: results
;; expect: held
(func $inspect (param $tables i32) (param i32) (result i32)
  (local $area i32)
  (local.set $area (call $blank (i32.const 8) (i32.const 4096)))
  (i32.store offset=48 (global.get $held) (local.get $area))
  (i32.store offset=52 (global.get $held) (i32.const 100))
  (i32.store offset=56 (global.get $held) (local.get $area))
  (i32.store offset=60 (global.get $held) (i32.const 200))
  (i32.store offset=40 (global.get $held) (local.get $area))
  (i32.store offset=44 (global.get $held) (i32.const 4000))
  (call $judge (local.get $tables) (i32.const 1)))
