;; Asks for one field twice, as it could a thousand times: each is a copy of the
;; text of every event.
;;
;; group: description
;; expect: refused subscription "asks for `process.cmd_line` twice"
;; describe: {"subscriptions": [{"class": "process.launch", "predicate": [], "fields": ["process.cmd_line", "process.pid", "process.cmd_line"]}]}
