#!/bin/bash
# Install what the LDAP contract tests run: slapd, ldap-utils, openssl. May be repeated.
# The tests start a private slapd; Debian's package must not start one of its own, nor touch one that runs here.
set -euo pipefail
# shellcheck source=test/systems/apt.sh
. "$(dirname "$0")/../apt.sh"

if [ -x /usr/sbin/slapd ] && command -v ldapsearch openssl >/dev/null; then
  echo "slapd, ldap-utils and openssl are installed"
  exit 0
fi

# No system database either: the tests bring their own configuration.
if command -v debconf-set-selections >/dev/null; then
  echo 'slapd slapd/no_configuration boolean true' | debconf-set-selections
fi
apt_install slapd ldap-utils openssl
