#!/bin/sh
# Also `whoami`. Who is meant, where somebody was become.
line=; [ -z "$LABPLAN_SANDBOX_USER" ] || line=$(grep "^$LABPLAN_SANDBOX_USER:" /etc/passwd)
[ -n "$line" ] || exec "/usr/bin/${0##*/}" "$@"
[ "${0##*/}" != whoami ] || set -- -un
case "${*:-all}" in
  -un|-nu|"-u -n"|--user\ --name) echo "$line" | cut -d: -f1 ;;
  -gn|-ng|-Gn) echo "$line" | cut -d: -f1 ;;
  -u|--user) echo "$line" | cut -d: -f3 ;;
  -g|-G|--group) echo "$line" | cut -d: -f4 ;;
  all) echo "$line" | { IFS=: read -r n _ u g _; echo "uid=$u($n) gid=$g($n) groups=$g($n)"; } ;;
  *) exec "/usr/bin/${0##*/}" "$@" ;;
esac
