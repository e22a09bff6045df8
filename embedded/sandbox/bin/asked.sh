#!/bin/sh
# Answered by the daemon: names of devices, their settings and whether a packet comes through are worked out of what was
# set up in the sandboxes. No packet is sent. The answer ends with the exit code.
[ -r /opt/labplan/devstack-api ] && command -v curl > /dev/null || {
  exec "/usr/sbin/${0##*/}" "$@"
}
url=$(head -n 1 /opt/labplan/devstack-api); first=1
for word; do
  [ -z "$first" ] || { first=; set --; }
  set -- "$@" --data-urlencode "word=$word"
done
answer=$(curl --silent --fail --noproxy '*' --max-time 30 -X POST "$@" "$url/run/${0##*/}") || { echo "${0##*/}: nobody answers for this sandbox" >&2; exit 2; }
code=$(printf %s "$answer" | tail -n 1 | sed 's/.*[^0-9]//')
text=${answer%"$code"}
if [ "$code" = 0 ] || [ "${0##*/}" = ping ]; then printf %s "$text"; else printf %s "$text" >&2; fi
exit "$code"
