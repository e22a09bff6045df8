#!/bin/bash
# Gets what the tests of logins run: OpenSSH's server, and the real sudo in a folder of its own, which is mounted only
# where a test looks: this system gets no sudo. Debian or Ubuntu, as root; may be repeated.
# sudo is kept in ${XDG_CACHE_HOME:-$HOME/.cache}/labplan/ssh/sudo, 6 MB, which CI may keep between its runs.
set -euo pipefail
# shellcheck source=test/systems/apt.sh
. "$(dirname "$0")/../apt.sh"

[ -x /usr/sbin/sshd ] || apt_install openssh-server

root=${XDG_CACHE_HOME:-$HOME/.cache}/labplan/ssh/sudo
if [ -x "$root/usr/bin/sudo" ]; then
  echo "sshd is installed, sudo is in $root"
  exit 0
fi
command -v apt-get >/dev/null || { echo "no apt-get here to get sudo with" >&2; exit 1; }
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
chmod 755 "$work"
(cd "$work" && apt-get update -qq && apt-get -o APT::Sandbox::User=root download -qq sudo)
mkdir -p "$(dirname "$root")"
rm -rf "$root.part"
dpkg -x "$work"/sudo_*.deb "$root.part"
rm -rf "$root.part"/usr/share
rm -rf "$root" && mv "$root.part" "$root"
