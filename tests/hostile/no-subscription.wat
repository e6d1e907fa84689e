;; Wants to see nothing at all.
;;
;; group: description
;; expect: refused description "it subscribes to nothing"
;; describe: {"subscriptions": []}
