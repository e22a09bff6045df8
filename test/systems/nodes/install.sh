#!/bin/bash
# Gets what nodes with networks of their own run: OpenSSH's server, ip, bridge and ping. Debian or Ubuntu, as root; may
# be repeated. Open vSwitch is optional: without it the tests of its bridges are skipped.
set -euo pipefail
# shellcheck source=test/systems/apt.sh
. "$(dirname "$0")/../apt.sh"

PATH=$PATH:/usr/sbin:/sbin
missing=()
command -v sshd >/dev/null || missing+=(openssh-server)
command -v ip >/dev/null && command -v bridge >/dev/null || missing+=(iproute2)
command -v ping >/dev/null || missing+=(iputils-ping)
command -v nsenter >/dev/null && command -v setpriv >/dev/null || missing+=(util-linux)
if [ ${#missing[@]} -eq 0 ]; then
  echo "what nodes need is installed"
  exit 0
fi
apt_install "${missing[@]}"
