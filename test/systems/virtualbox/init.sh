#!/bin/bash
# First process of the private namespaces of one VirtualBox. $1: its root folder; $2: state folder, absolute.
# Mounts what its programs need, where nobody else sees it. What may be mounted there already is covered.
set -e
root=$1
state=$2
mount --make-rprivate /
mount -t proc proc "$root/proc"
mount --rbind /sys "$root/sys"
mount --rbind /dev "$root/dev"
# VBoxSVC puts its socket into /tmp.
mount -t tmpfs tmpfs "$root/tmp"
chmod 1777 "$root/tmp"
# The state folder at its own path, so that both sides mean the same file by it.
mkdir -p "$root$state"
mount --bind "$state" "$root$state"
touch "$state/ready"
# As the first process it is given VBoxSVC when the client that started it ends; bash reaps its children.
while :; do
  sleep 3600 &
  wait $!
done
