#!/bin/bash
# Install what the network boot tests run: QEMU with its network cards' boot ROMs, dnsmasq, pxelinux, the kernel and
# busybox of a small stand-in for an installer, and Debian's own network installer.
# Debian or Ubuntu, as root; may be repeated. The tests run in network namespaces of their own.
set -euo pipefail
# shellcheck source=test/systems/apt.sh
. "$(dirname "$0")/../apt.sh"

files=(
  /usr/bin/qemu-system-x86_64 /usr/lib/ipxe/qemu/pxe-virtio.rom /usr/sbin/dnsmasq /usr/bin/cpio
  /usr/lib/PXELINUX/pxelinux.0 /usr/lib/syslinux/modules/bios/ldlinux.c32
)
missing=()
for file in "${files[@]}"; do [ -e "$file" ] || missing+=("$file"); done
for tool in ip unshare nsenter setpriv modprobe; do
  PATH=$PATH:/usr/sbin:/sbin command -v "$tool" >/dev/null || missing+=("$tool")
done
static=
for file in /bin/busybox /usr/bin/busybox; do
  if [ -e "$file" ] && ! ldd "$file" >/dev/null 2>&1; then static=$file; fi
done
[ -n "$static" ] || missing+=("a static busybox")
kernels=(/lib/modules/*/modules.dep)
[ -e "${kernels[0]}" ] || missing+=("a kernel for guests")
installers=(/usr/lib/debian-installer/images/*/amd64/text)
# shellcheck disable=SC1091
. /etc/os-release
[ "$ID" != debian ] || [ -e "${installers[0]}" ] || missing+=("Debian's network installer")
if [ ${#missing[@]} -eq 0 ]; then
  echo "what network boots need is installed"
  exit 0
fi
echo "missing: ${missing[*]}"

packages=(
  qemu-system-x86 ipxe-qemu dnsmasq-base pxelinux syslinux-common busybox-static cpio gzip iproute2 util-linux kmod
)
if [ ! -e "${kernels[0]}" ]; then
  if [ "$ID" = ubuntu ]; then packages+=(linux-image-virtual); else packages+=(linux-image-cloud-amd64); fi
fi
if [ "$ID" = debian ]; then packages+=("debian-installer-${VERSION_ID:-12}-netboot-amd64"); fi
apt_install "${packages[@]}"
