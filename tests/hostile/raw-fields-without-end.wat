;; Names more fields of its own than anybody needs: each is looked for in every
;; record.
;;
;; group: description
;; expect: refused description "33 different raw fields"
;; describe: {"subscriptions": [{"class": "process.launch", "predicate": [], "fields": ["unmapped.0", "unmapped.1", "unmapped.2", "unmapped.3", "unmapped.4", "unmapped.5", "unmapped.6", "unmapped.7", "unmapped.8", "unmapped.9", "unmapped.10", "unmapped.11", "unmapped.12", "unmapped.13", "unmapped.14", "unmapped.15", "unmapped.16", "unmapped.17", "unmapped.18", "unmapped.19", "unmapped.20", "unmapped.21", "unmapped.22", "unmapped.23", "unmapped.24", "unmapped.25", "unmapped.26", "unmapped.27", "unmapped.28", "unmapped.29", "unmapped.30", "unmapped.31", "unmapped.32"]}]}
