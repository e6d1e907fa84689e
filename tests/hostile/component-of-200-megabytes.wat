;; Is 200 megabytes long.
;;
;; group: compiler
;; expect: refused too-large "larger than the 32 MiB that a component may have"
;; generate: padding 209715200
