#!/bin/bash
# Builds the real VirtualBox that the contract tests run: Debian's package in a folder of its own, without its kernel
# module, so that everything but starting machines works. Debian or Ubuntu, as root; may be repeated. Mounts nothing.
# Kept in ${XDG_CACHE_HOME:-$HOME/.cache}/labplan/virtualbox, about 600 MB, which CI may keep between its runs.
set -euo pipefail
# shellcheck source=test/systems/apt.sh
. "$(dirname "$0")/../apt.sh"

root=${XDG_CACHE_HOME:-$HOME/.cache}/labplan/virtualbox
if [ -x "$root/usr/lib/virtualbox/VBoxManage" ]; then
  echo "VirtualBox is built in $root"
  exit 0
fi

missing=()
for tool in mmdebstrap dpkg-deb chroot unshare nsenter setpriv; do
  PATH=$PATH:/usr/sbin:/sbin command -v "$tool" >/dev/null || missing+=("$tool")
done
if [ ${#missing[@]} -gt 0 ]; then
  echo "missing: ${missing[*]}"
  apt_install mmdebstrap debian-archive-keyring util-linux dpkg
fi
[ -e /usr/share/keyrings/debian-archive-keyring.gpg ] || apt_install debian-archive-keyring

# The mirror that this system uses itself; a system that is not Debian has none.
found=$(grep -rhoE 'https?://[^ ]+/debian/?( |$)' /etc/apt/sources.list /etc/apt/sources.list.d 2>/dev/null || true)
mirror=${DEBIAN_MIRROR:-$(head -1 <<<"$found" | tr -d ' ')}
if [ -z "$mirror" ]; then
  echo "no Debian mirror is known here: set DEBIAN_MIRROR to the URL of one" >&2
  exit 1
fi

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
# VirtualBox wants some package with its kernel module; the real ones would bring a compiler and kernel headers.
mkdir -p "$work/modules/DEBIAN"
cat >"$work/modules/DEBIAN/control" <<'CONTROL'
Package: virtualbox-modules-none
Version: 99
Architecture: all
Maintainer: test <test@localhost>
Provides: virtualbox-modules
Description: stands in for the kernel module, which tests do without
CONTROL
dpkg-deb --root-owner-group --build "$work/modules" "$work/modules.deb" >/dev/null

mkdir -p "$(dirname "$root")"
rm -rf --one-file-system "$root.part"
# In a mount namespace of its own: what it mounts into the folder (/proc, /sys) goes with it, even when it is killed.
# A mirror that lags behind may have a Release file past its date; its signature is checked all the same.
unshare --mount mmdebstrap --quiet --variant=apt --components=main,contrib \
  --keyring=/usr/share/keyrings/debian-archive-keyring.gpg \
  --aptopt='Acquire::Retries "5"' \
  --aptopt='Acquire::Check-Valid-Until "false"' \
  --aptopt='APT::Install-Recommends "false"' \
  --dpkgopt='path-exclude=/usr/share/man/*' \
  --dpkgopt='path-exclude=/usr/share/locale/*' \
  --dpkgopt='path-exclude=/usr/share/doc/*' \
  --customize-hook="cp '$work/modules.deb' \"\$1/modules.deb\"" \
  --customize-hook='chroot "$1" env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends /modules.deb virtualbox >/dev/null' \
  --customize-hook='rm "$1/modules.deb"; chroot "$1" apt-get clean; rm -rf "$1"/var/lib/apt/lists/*' \
  sid "$root.part" "$mirror"
# In place only when whole: an interrupted build is begun anew.
mv -T "$root.part" "$root"
echo "VirtualBox is built in $root"
