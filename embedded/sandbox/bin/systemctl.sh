#!/bin/sh
# As systemd's for units of /etc/systemd/system: oneshot ones are run, others run in the background. Units of the host's
# /usr can be "started", and nothing happens.
etc=/etc/systemd/system; run=/run/units; now=; quiet=; legend=1; words=; value=; property=
for word; do case $word in
  --now) now=1 ;; -q|--quiet) quiet=1 ;; --no-legend) legend= ;; --value) value=1 ;;
  --property=*) property=${word#*=} ;; -p*) property=${word#-p} ;;
  -*) : ;; *) words="$words $word" ;;
esac; done
set -f; set -- $words; set +f
verb=${1:-list-units}; [ $# -eq 0 ] || shift; mkdir -p "$run"
unit() { case $1 in *.service|*.target|*.socket|*.timer|*.mount) u=$1 ;; *) u=$1.service ;; esac; f=; for d in $etc /usr/lib/systemd/system /lib/systemd/system; do [ ! -e "$d/$u" ] || { f=$d/$u; break; }; done; }
lines() { sed -n "s/^$1=[-@:+!]*//p" "$f"; }
missing() { echo "Failed to $verb $u: Unit $u not found." >&2; exit 5; }
state() { if [ -e "$run/$u.failed" ]; then echo failed; elif [ ! -e "$run/$u" ]; then echo inactive; else p=$(cat "$run/$u"); if [ -z "$p" ] || kill -0 "$p" 2> /dev/null; then echo active; else echo inactive; fi; fi; }
as() { who=$(lines User | tail -n 1); if [ -n "$who" ] && [ "$who" != root ]; then runuser -u "$who" -- /bin/sh -c "$1"; else /bin/sh -c "$1"; fi; }
begin() {
  [ "$(state)" != active ] || return 0
  rm -f "$run/$u.failed"
  case $f in $etc/*) : ;; *) : > "$run/$u"; return 0 ;; esac
  kind=$(lines Type | tail -n 1)
  if [ "$kind" = oneshot ]; then
    lines ExecStart | { while IFS= read -r command; do as "$command" < /dev/null > "$run/$u.log" 2>&1 || exit 1; done; } || { : > "$run/$u.failed"; echo "Job for $u failed because the control process exited with error code." >&2; return 1; }
    case $(lines RemainAfterExit | tail -n 1) in yes|true|1|on) : > "$run/$u" ;; esac
  else
    command=$(lines ExecStart | tail -n 1); who=$(lines User | tail -n 1)
    setsid runuser -u "${who:-root}" -- /bin/sh -c "exec $command" < /dev/null > "$run/$u.log" 2>&1 & echo $! > "$run/$u"
  fi
}
finish() {
  if [ "$(state)" = active ]; then
    lines ExecStop | while IFS= read -r command; do as "$command" < /dev/null > /dev/null 2>&1; done
    p=$(cat "$run/$u"); [ -z "$p" ] || kill -- "-$p" 2> /dev/null || kill "$p" 2> /dev/null || :
  fi
  rm -f "$run/$u" "$run/$u.failed"
}
case "$verb" in
  daemon-reload|daemon-reexec|reset-failed) exit 0 ;;
  poweroff|halt) exec poweroff ;;
  reboot) exec reboot ;;
  is-system-running) echo running; exit 0 ;;
  labplan-boot)
    for each in $etc/multi-user.target.wants/*; do [ -e "$each" ] || continue; unit "${each##*/}"; begin || :; done; exit 0 ;;
  list-units)
    [ -z "$legend" ] || echo "UNIT LOAD ACTIVE SUB DESCRIPTION"
    for each in $etc/*.service; do
      [ -f "$each" ] || continue; unit "${each##*/}"; shown=; [ $# -gt 0 ] || shown=1
      for pattern; do case $u in $pattern|$pattern.service) shown=1 ;; esac; done
      [ -z "$shown" ] || case $(state) in active) echo "$u loaded active exited $(lines Description)" ;; failed) echo "$u loaded failed failed $(lines Description)" ;; *) echo "$u loaded inactive dead $(lines Description)" ;; esac
    done; exit 0 ;;
esac
code=0
for each; do
  unit "$each"
  case "$verb" in
    start) [ -n "$f" ] || missing; begin || code=1 ;;
    stop) [ -n "$f" ] || [ -e "$run/$u" ] || missing; finish ;;
    restart|try-restart|reload|reload-or-restart) [ -n "$f" ] || missing; finish; begin || code=1 ;;
    enable|reenable)
      [ -n "$f" ] || { echo "Failed to enable unit: Unit file $u does not exist." >&2; exit 1; }
      mkdir -p $etc/multi-user.target.wants; [ -e "$etc/multi-user.target.wants/$u" ] || { ln -s "$f" "$etc/multi-user.target.wants/$u"; echo "Created symlink $etc/multi-user.target.wants/$u → $f." >&2; }
      [ -z "$now" ] || begin || code=1 ;;
    disable)
      [ -z "$now" ] || finish
      [ -n "$f" ] || [ -L "$etc/multi-user.target.wants/$u" ] || { echo "Failed to disable unit: Unit file $u does not exist." >&2; exit 1; }
      rm -f "$etc/multi-user.target.wants/$u" ;;
    is-enabled)
      if [ -L "$etc/multi-user.target.wants/$u" ]; then s=enabled; elif [ -n "$f" ]; then s=disabled; code=1; else echo "Failed to get unit file state for $u: No such file or directory" >&2; exit 1; fi
      [ -n "$quiet" ] || echo $s ;;
    is-active) s=$(state); [ -n "$quiet" ] || echo $s; case $s in active) : ;; *) code=3; [ -n "$f" ] || code=4 ;; esac ;;
    is-failed) s=$(state); [ -n "$quiet" ] || echo $s; [ $s = failed ] || code=1 ;;
    show) if [ -n "$value" ]; then state; else echo "ActiveState=$(state)"; fi ;;
    status)
      [ -n "$f" ] || { echo "Unit $u could not be found." >&2; exit 4; }
      s=$(state); printf "%s - %s\n     Loaded: loaded (%s)\n     Active: %s\n" "$u" "$(lines Description)" "$f" "$s"; [ $s = active ] || code=3 ;;
    *) echo "Unknown command verb $verb." >&2; exit 1 ;;
  esac
done
exit $code
