;; Has a name that a terminal takes for commands.
;;
;; group: description
;; expect: refused description "must be 1 to 256 printable characters"
;; describe: {"name": "calm\u001b[2J"}
