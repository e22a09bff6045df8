#!/bin/sh
# The machine behind ipmi_sim: files in the folder $1. Called with `get power boot …` or `set power 1 …`.
# `power` is 0 or 1, `boot` what is ordered for the next start, `starts` how often it started, `from` what from.
folder=$1 order=$2
shift 2
value() { cat "$folder/$1" 2>/dev/null || echo "$2"; }
case $order in
get)
  for name in "$@"; do
    case $name in
    power) echo "power:$(value power 0)" ;;
    boot) echo "boot:$(value boot none)" ;;
    *) echo "$name:0" ;;
    esac
  done
  ;;
set)
  while [ $# -ge 2 ]; do
    if [ "$1 $2 $(value power 0)" = "power 1 0" ]; then
      value boot none >"$folder/from"
      # One order is for one start.
      rm -f "$folder/boot"
      echo $(($(value starts 0) + 1)) >"$folder/starts"
    fi
    case $1 in power | boot) echo "$2" >"$folder/$1" ;; esac
    shift 2
  done
  ;;
esac
