;; Is 200 megabytes long.
;;
;; group: compiler
;; expect: refused too-large "bytes are more than the 33554432 a component may have"
;; generate: padding 209715200
