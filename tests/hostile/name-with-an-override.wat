;; Has a name that reads the other way round from where an invisible character stands.
;;
;; group: description
;; expect: refused description "must be 1 to 256 printable characters"
;; describe: {"name": "calm\u202eexe.tnega"}
