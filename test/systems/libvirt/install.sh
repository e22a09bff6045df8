#!/bin/bash
# Install what the libvirt and SSH contract tests run: libvirtd, QEMU, dnsmasq, sshd, and what the tiny guest is built of.
# Debian or Ubuntu, as root; may be repeated. The tests start a private libvirtd in namespaces of its own.
set -euo pipefail

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

if ! command -v apt-get >/dev/null; then
  echo "install libvirtd, qemu-system-x86, dnsmasq, iptables and mmdebstrap with this system's package manager" >&2
  exit 1
fi
[ "$(id -u)" = 0 ] || { echo "run this as root" >&2; exit 1; }

guard=/usr/sbin/policy-rc.d
if [ ! -e "$guard" ]; then
  # 101 is "action forbidden": no package then starts a service of the host's (Debian policy, "policy-rc.d").
  printf '#!/bin/sh\nexit 101\n' >"$guard"
  chmod 755 "$guard"
  trap 'rm -f "$guard"' EXIT
elif ! grep -q 'exit 101' "$guard"; then
  echo "$guard exists and may allow services to start: install the packages by hand" >&2
  exit 1
fi

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
export DEBIAN_FRONTEND=noninteractive
apt-get update -qq
apt-get install -y -qq --no-install-recommends "${packages[@]}"
