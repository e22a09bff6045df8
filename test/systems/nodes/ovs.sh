#!/bin/bash
# Runs Open vSwitch on a node, as its service would at a boot. $1: the node's address on the underlay. Its datapath in
# user space is taken, which needs no kernel module: there the underlay must be on a bridge of its own.
set -e
mkdir -p /run/openvswitch /etc/openvswitch /var/log/openvswitch
db=/etc/openvswitch/conf.db
[ -e /etc/openvswitch/labplan-test ] || rm -f $db
touch /etc/openvswitch/labplan-test
[ -e $db ] || ovsdb-tool create $db /usr/share/openvswitch/vswitch.ovsschema
ovsdb-server $db --remote=punix:/run/openvswitch/db.sock --detach --no-chdir --pidfile --log-file >/dev/null 2>&1
ovs-vsctl --no-wait init
ovs-vswitchd --detach --no-chdir --pidfile --log-file >/dev/null 2>&1
mac=$(cat /sys/class/net/eth0/address)
ip addr flush dev eth0
ovs-vsctl --may-exist add-br underlay -- --may-exist add-port underlay eth0 -- \
  set bridge underlay datapath_type=netdev "other-config:hwaddr=\"$mac\""
ip addr replace "$1/24" dev underlay
ip link set dev underlay up
