;; Has a type of lists of lists, a thousand deep.
;;
;; group: compiler
;; expect: refused invalid "not a valid component"
;; generate: nested-types 1000
