;; Wants a function by a name of its own.
;;
;; group: access
;; expect: refused unknown-import "imports `exec`, which Sandtrap does not offer"
(component (import "exec" (func (param "command" string))))
