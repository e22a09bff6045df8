#!/bin/bash
# First process of the private namespaces of one libvirtd. $1: state folder, absolute.
# Everything that libvirt hard-codes (/etc/libvirt, /run, /var/lib/libvirt …) is ours here and the host's outside.
set -e
state=$1
mount --make-rprivate /
mkdir -p "$state"/{etc,log,cache,sock} "$state"/lib/{qemu,images,boot,dnsmasq,network,tftp}
chmod 755 "$state"/lib "$state"/lib/tftp

ip link set lo up
# With loopback alone QEMU cannot open its display sockets; any other address cures it.
ip link add adm0 type bridge
ip address add 198.51.100.1/24 dev adm0
ip link set adm0 up
# sysfs of this network namespace: the host's would show the host's bridges.
mount -t sysfs sysfs /sys

mount -t tmpfs tmpfs /run
mkdir -p /run/libvirt /run/lock
# An empty configuration, not the host's: its networks, domains and hooks are none of our business.
mount --bind "$state/etc" /etc/libvirt
mount --bind "$state/lib" /var/lib/libvirt
mount --bind "$state/log" /var/log/libvirt
mount --bind "$state/cache" /var/cache/libvirt

cat >/etc/libvirt/qemu.conf <<CONF
user = "root"
group = "root"
dynamic_ownership = 0
remember_owner = 0
security_driver = "none"
# Cgroups belong to the host; without this no domain starts.
cgroup_controllers = []
namespaces = []
# Else a virtlogd would be needed too.
stdio_handler = "file"
max_core = 0
CONF
cat >/etc/libvirt/libvirtd.conf <<CONF
unix_sock_dir = "$state/sock"
unix_sock_group = "root"
unix_sock_rw_perms = "0700"
auth_unix_ro = "none"
auth_unix_rw = "none"
log_outputs = "3:file:/var/log/libvirt/libvirtd.log"
host_uuid = "$2"
max_clients = 500
CONF

# Not exec: as pid 1 libvirtd would not reap killed QEMU probes, and wait 40 s for each. Bash does.
/usr/sbin/libvirtd --config /etc/libvirt/libvirtd.conf --pid-file "$state/libvirtd.pid" &
set +e
wait $!
