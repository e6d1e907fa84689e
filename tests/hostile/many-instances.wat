;; Brings a hundred instances of a module along.
;;
;; group: memory
;; expect: refused memory "instantiate: wanted more than the"
;; generate: instances 100
