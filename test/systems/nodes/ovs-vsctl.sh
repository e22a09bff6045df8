#!/bin/bash
# Open vSwitch's own ovs-vsctl, whose bridges are in user space: these nodes have no kernel module for it.
for ((at = 1; at <= $#; at++)); do
  if [ "${!at}" = add-br ]; then
    next=$((at + 1))
    exec /usr/bin/ovs-vsctl "$@" -- set bridge "${!next}" datapath_type=netdev
  fi
done
exec /usr/bin/ovs-vsctl "$@"
