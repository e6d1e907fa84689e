;; Brings a hundred modules with a table each along.
;;
;; group: memory
;; expect: refused memory "instantiate: wanted more memory"
;; generate: tables 100
