;; Brings a hundred modules with a memory each along.
;;
;; group: memory
;; expect: refused memory "instantiate: wanted more than the"
;; generate: memories 100
