#!/bin/bash
# build.sh OUT KERNEL-VERSION BUSYBOX: kernel and initrd of a stand-in for an installer, from what is on this machine.
here=$(dirname "$0")
exec bash "$here/../../initrd.sh" "$here" "$@" virtio_pci virtio_net
