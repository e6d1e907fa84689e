;; Calls itself so that a file under its name would lie elsewhere.
;;
;; group: description
;; expect: refused description "its id must be"
;; describe: {"id": "../../etc/cron.d/hostile"}
