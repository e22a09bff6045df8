#!/bin/sh
# `runuser -u user -- command`, and what it has in common with su.
user=; direct=; command=; shell=; login=; given=
while [ $# -gt 0 ]; do
  case "$1" in
    -u) user=$2; direct=1; shift 2 ;;
    -s|--shell) shell=$2; shift 2 ;;
    -c|--command) command=$2; given=1; shift 2 ;;
    -g|-G|-w) shift 2 ;;
    -|-l|--login) login=1; shift ;;
    --) shift; [ -n "$user" ] || [ $# -eq 0 ] || { user=$1; shift; }; break ;;
    -*) shift ;;
    *) [ -z "$user" ] || break; user=$1; shift ;;
  esac
done
user=${user:-root}
. /opt/labplan/bin/become
[ -z "$direct" ] || exec "$@"
[ -z "$login" ] || cd "$HOME" || :
[ -n "$shell" ] || shell=$SHELL
if [ -n "$given" ]; then exec "$shell" -c "$command" "$@"; fi
exec "$shell" "$@"
