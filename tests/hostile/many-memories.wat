;; Brings a hundred modules with a memory each along.
;;
;; group: memory
;; expect: refused memory "instantiate: wanted more memory"
;; generate: memories 100
