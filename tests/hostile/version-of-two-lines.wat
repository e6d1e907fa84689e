;; Has a version that begins a new line in the log, in which it says something else.
;;
;; group: description
;; expect: refused description "must be 1 to 256 printable characters"
;; describe: {"version": "1.0.0\n2026-11-21 all is well"}
