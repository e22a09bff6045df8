#!/bin/sh
# What the guest does with its DHCP lease.
[ "$1" = bound ] || exit 0
ip addr add "$ip/$mask" dev "$interface"
[ -n "$router" ] && ip route add default via "$router"
[ -n "$hostname" ] && [ "$(hostname)" = "(none)" ] && hostname "$hostname"
[ -n "$dns" ] && echo "nameserver $dns" >/etc/resolv.conf
exit 0
