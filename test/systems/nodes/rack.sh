#!/bin/bash
# First process of the namespaces that hold the nodes: their network is one bridge, which nothing else is on. $1: MTU.
set -e
mount --make-rprivate /
ip link set lo up
ip link add underlay type bridge
ip link set underlay mtu "$1" up
echo ready
# As the first process, bash takes in whoever is left without a parent.
sleep infinity &
set +e
wait $!
