;; Wants to see a field that there is not.
;;
;; group: description
;; expect: refused subscription "unknown field `process.password`"
;; describe: {"subscriptions": [{"class": "process.launch", "fields": ["process.password"]}]}
