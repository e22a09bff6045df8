#!/bin/bash
# build.sh OUT KERNEL-VERSION BUSYBOX: kernel and initrd of a small FOS, from what is on this machine.
here=$(dirname "$0")
exec bash "$here/../../initrd.sh" "$here" "$@" virtio_pci virtio_net virtio_blk virtio_rng ext4
