;; Never comes back from the start function of its module, which runs before
;; anything is called.
;;
;; group: time
;; expect: refused deadline "instantiate: ran longer than"
(start $spin)
