#!/bin/bash
# Install what the libvirt and SSH contract tests run: libvirtd, QEMU, dnsmasq, sshd, and what the tiny guest is built of.
# Debian or Ubuntu, as root; may be repeated. The tests start a private libvirtd in namespaces of its own.
set -euo pipefail
# shellcheck source=test/systems/apt.sh
. "$(dirname "$0")/../apt.sh"

tools=(libvirtd virsh qemu-system-x86_64 qemu-img dnsmasq iptables unshare nsenter ip mmdebstrap cpio genisoimage ssh sshd)
missing=()
for tool in "${tools[@]}"; do
  PATH=$PATH:/usr/sbin:/sbin command -v "$tool" >/dev/null || missing+=("$tool")
done
modules=(/lib/modules/*/modules.dep)
[ -e "${modules[0]}" ] || missing+=("a kernel for guests")
if [ ${#missing[@]} -eq 0 ]; then
  echo "libvirtd, QEMU and the guest's building blocks are installed"
  exit 0
fi
echo "missing: ${missing[*]}"

packages=(
  libvirt-daemon-system libvirt-daemon-driver-qemu libvirt-clients
  qemu-system-x86 qemu-utils ovmf dnsmasq-base iptables iproute2 util-linux kmod
  mmdebstrap cpio gzip zstd genisoimage openssh-client openssh-server
)
if [ ! -e "${modules[0]}" ]; then
  # shellcheck disable=SC1091
  . /etc/os-release
  if [ "$ID" = ubuntu ]; then packages+=(linux-image-virtual); else packages+=(linux-image-cloud-amd64); fi
fi
apt_install "${packages[@]}"
