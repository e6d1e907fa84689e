;; Brings a hundred modules with a table each along.
;;
;; group: memory
;; expect: refused memory "instantiate: wanted more than the"
;; generate: tables 100
