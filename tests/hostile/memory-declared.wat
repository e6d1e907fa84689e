;; Declares that it cannot begin with less than four gigabytes.
;;
;; group: memory
;; expect: refused memory "instantiate: wanted more than the"
(memory $memory (export "memory") 65536)
