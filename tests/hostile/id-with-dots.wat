;; Calls itself as the folder above.
;;
;; group: description
;; expect: refused description "its id must be"
;; describe: {"id": ".."}
