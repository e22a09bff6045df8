#!/bin/bash
# Install what hosts of a FOG server are made of in the tests: a boot loader and the tools that put it on a disk image
# without mounting it. Libvirt, QEMU, iPXE and busybox come from the folders `libvirt` and `pxe`.
# Debian or Ubuntu, as root; may be repeated.
set -euo pipefail
# shellcheck source=test/systems/apt.sh
. "$(dirname "$0")/../apt.sh"

missing=()
for tool in syslinux mcopy mkfs.fat mke2fs mmdebstrap; do
  PATH=$PATH:/usr/sbin:/sbin command -v "$tool" >/dev/null || missing+=("$tool")
done
[ -e /usr/lib/syslinux/mbr/mbr.bin ] || missing+=("the MBR of syslinux")
if [ ${#missing[@]} -eq 0 ]; then
  echo "what disk images of FOG hosts are built with is installed"
  exit 0
fi
echo "missing: ${missing[*]}"
apt_install syslinux syslinux-common mtools dosfstools e2fsprogs mmdebstrap
