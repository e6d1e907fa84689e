;; Declares that it cannot begin with less than four gigabytes.
;;
;; group: memory
;; expect: refused memory "instantiate: wanted more memory"
(memory $memory (export "memory") 65536)
