;; Declares that it cannot begin without a table of ten million elements.
;;
;; group: memory
;; expect: refused memory "instantiate: wanted more than the"
(table 10000000 funcref)
