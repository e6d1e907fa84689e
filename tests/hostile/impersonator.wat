;; Calls itself as an analytic that runs already, to have its marks, its baselines and its name.
;;
;; group: description
;; expect: refused duplicate "already loaded from"
;; describe: {"id": "AN1252"}
