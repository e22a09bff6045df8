#!/bin/bash
# Install what the power contract tests run: ipmitool, a Redfish BMC and an IPMI BMC, both in front of libvirt domains.
# Debian or Ubuntu, as root; may be repeated. No service of theirs is started.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
home=${XDG_CACHE_HOME:-$HOME/.cache}/labplan/power
packages=(sushy-tools==2.2.0 virtualbmc==3.3.0 pyghmi==1.6.19 flask==3.1.3 werkzeug==3.1.9 bcrypt==5.0.0)
# The bindings to libvirt come from the distribution: they must fit its library.
python=/usr/bin/python3

missing=()
command -v ipmitool >/dev/null || missing+=(ipmitool)
command -v ipmi_sim >/dev/null || missing+=(openipmi)
command -v openssl >/dev/null || missing+=(openssl)
"$python" -c 'import libvirt' 2>/dev/null || missing+=(python3-libvirt)
"$python" -c 'import ensurepip, venv' 2>/dev/null || missing+=(python3-venv)
if [ ${#missing[@]} -gt 0 ]; then
  # shellcheck source=test/systems/apt.sh
  . "$here/../apt.sh"
  apt_install "${missing[@]}"
fi

wanted="${packages[*]} $("$python" --version)"
if [ "$(cat "$home/version" 2>/dev/null)" = "$wanted" ] &&
  "$home/venv/bin/python" -c 'import sushy_tools.emulator.main, virtualbmc.vbmc' 2>/dev/null; then
  echo "sushy-tools and virtualbmc are installed in $home"
  exit 0
fi
mkdir -p "$home"
rm -rf "$home/venv" "$home/version"
"$python" -m venv --system-site-packages "$home/venv"
"$home/venv/bin/pip" install --quiet --disable-pip-version-check "${packages[@]}"
echo "$wanted" >"$home/version"
echo "sushy-tools and virtualbmc are installed in $home"
