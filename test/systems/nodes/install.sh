#!/bin/bash
# Gets what nodes with networks of their own run: OpenSSH's server, ip, bridge, ping and Open vSwitch. Debian or Ubuntu,
# as root; may be repeated. Without Open vSwitch the tests of its bridges are skipped.
set -euo pipefail
# shellcheck source=test/systems/apt.sh
. "$(dirname "$0")/../apt.sh"

PATH=$PATH:/usr/sbin:/sbin
missing=()
command -v sshd >/dev/null || missing+=(openssh-server)
command -v ip >/dev/null && command -v bridge >/dev/null || missing+=(iproute2)
command -v ping >/dev/null || missing+=(iputils-ping)
command -v nsenter >/dev/null && command -v setpriv >/dev/null || missing+=(util-linux)
if [ ${#missing[@]} -gt 0 ]; then apt_install "${missing[@]}"; fi
if ! command -v ovs-vswitchd >/dev/null; then
  apt_install openvswitch-switch || echo "no Open vSwitch: the tests of its bridges are skipped"
fi
echo "what nodes need is installed"
