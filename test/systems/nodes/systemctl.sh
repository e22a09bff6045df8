#!/bin/bash
# Stands in for systemctl where no systemd runs: links are made by the real one, which can do that by itself; start and
# stop run the lines that a unit names.
real=/usr/bin/systemctl.real
words=()
now=
for word in "$@"; do
  case $word in
  --now) now=yes ;;
  -*) ;;
  *) words+=("$word") ;;
  esac
done
verb=${words[0]}
units=("${words[@]:1}")
state=/run/systemd/stand-in
mkdir -p $state

file() {
  local at
  for at in /etc/systemd/system /lib/systemd/system /usr/lib/systemd/system; do
    if [ -e "$at/$1" ]; then echo "$at/$1" && return; fi
    if [ -e "$at/$1.service" ]; then echo "$at/$1.service" && return; fi
  done
  echo "Unit $1 could not be found." >&2
  return 5
}

lines() { # unit, key
  local path line
  path=$(file "$1") || return
  sed -n "s/^$2=-\{0,1\}//p" "$path" | while read -r line; do bash -c "$line" </dev/null || exit 1; done
}

case $verb in
enable | disable | is-enabled)
  if [ "$now" ] && [ "$verb" = disable ]; then "$0" stop "${units[@]}"; fi
  SYSTEMD_OFFLINE=1 "$real" "$verb" "${units[@]}" || exit
  if [ "$now" ] && [ "$verb" = enable ]; then "$0" start "${units[@]}"; fi
  ;;
start | restart)
  for unit in "${units[@]}"; do
    [ $verb = start ] || "$0" stop "$unit"
    lines "$unit" ExecStart || exit
    touch "$state/${unit%.service}"
  done
  ;;
stop)
  for unit in "${units[@]}"; do
    [ -e "$state/${unit%.service}" ] || continue
    lines "$unit" ExecStop || exit
    rm "$state/${unit%.service}"
  done
  ;;
is-active)
  for unit in "${units[@]}"; do
    if [ -e "$state/${unit%.service}" ]; then echo active; else echo inactive && exit 3; fi
  done
  ;;
daemon-reload | reset-failed) ;;
*)
  echo "this stand-in for systemctl knows no \"$verb\"" >&2
  exit 1
  ;;
esac
