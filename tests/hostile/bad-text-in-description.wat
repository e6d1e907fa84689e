;; Has a summary that is not UTF-8.
;;
;; group: results
;; expect: refused malformed-result "utf-8"
;; describe: {"summary": [82, 195, 40, 255]}
