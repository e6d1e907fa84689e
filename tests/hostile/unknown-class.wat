;; Wants to see a class of events that there is not.
;;
;; group: description
;; expect: refused subscription "unknown class"
;; describe: {"subscriptions": [{"class": "process.memory\u001b[2J"}]}
