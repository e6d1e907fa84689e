;; Has a type of which every value takes more bytes than there are.
;;
;; group: compiler
;; expect: refused invalid "not a valid component"
;; generate: wide-types 64
