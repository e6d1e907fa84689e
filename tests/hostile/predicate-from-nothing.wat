;; Has a predicate that takes values that are not there.
;;
;; group: description
;; expect: refused subscription "takes more values than there are"
;; describe: {"subscriptions": [{"class": "process.launch", "predicate": [{"present": "process.pid"}, {"all-of": 4294967295}]}]}
