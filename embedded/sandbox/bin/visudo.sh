#!/bin/sh
# Each line is a comment, a default, or a rule.
for word; do file=$word; done
case " $* " in *" -c"*) : ;; *) echo "visudo: no editor" >&2; exit 1 ;; esac
! grep -vE '^[[:space:]]*(#|$)|^Defaults|=' "$file" > /dev/null || { echo "$file: syntax error" >&2; exit 1; }
