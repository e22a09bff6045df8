#!/bin/sh
# Nothing is installed: /usr is the host's. It is written down what would be. `no-such-…` is no package anywhere.
list=/var/lib/labplan-packages; touch $list; verb=; names=
while [ $# -gt 0 ]; do
  case "$1" in
    -o|-t|-c) shift 2 ;;
    -*) shift ;;
    *) if [ -z "$verb" ]; then verb=$1; else names="$names $1"; fi; shift ;;
  esac
done
case "$verb" in
  install)
    for name in $names; do
      case $name in no-such-*) echo "E: Unable to locate package $name" >&2; exit 100 ;; esac
    done
    for name in $names; do grep -qx "$name" $list || { echo "$name" >> $list; echo "Setting up $name (sandbox) ..."; }; done ;;
  remove|purge)
    for name in $names; do grep -vx "$name" $list > $list.new; cat $list.new > $list; rm -f $list.new; done ;;
  update|upgrade|dist-upgrade|autoremove|clean) : ;;
  *) echo "E: Invalid operation $verb" >&2; exit 100 ;;
esac
