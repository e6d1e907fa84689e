;; Calls itself so that a terminal that shows it is cleared.
;;
;; group: description
;; expect: refused description "its id must be"
;; describe: {"id": "calm\u001b[2J"}
