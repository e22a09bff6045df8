#!/bin/bash
# Install what the LDAP contract tests run: slapd, ldap-utils, openssl. May be repeated.
# The tests start a private slapd; Debian's package must not start one of its own, nor touch one that runs here.
set -euo pipefail

if [ -x /usr/sbin/slapd ] && command -v ldapsearch openssl >/dev/null; then
  echo "slapd, ldap-utils and openssl are installed"
  exit 0
fi

if ! command -v apt-get >/dev/null; then
  echo "install slapd, the LDAP client tools and openssl with this system's package manager" >&2
  exit 1
fi

guard=/usr/sbin/policy-rc.d
if [ ! -e "$guard" ]; then
  # 101 is "action forbidden": invoke-rc.d then starts no service (Debian policy, "policy-rc.d").
  printf '#!/bin/sh\nexit 101\n' >"$guard"
  chmod 755 "$guard"
  trap 'rm -f "$guard"' EXIT
elif ! grep -q 'exit 101' "$guard"; then
  echo "$guard exists and may allow a start: install slapd, ldap-utils and openssl by hand" >&2
  exit 1
fi

# No system database either: the tests bring their own configuration.
echo 'slapd slapd/no_configuration boolean true' | debconf-set-selections
export DEBIAN_FRONTEND=noninteractive
apt-get update -qq
apt-get install -y -qq --no-install-recommends slapd ldap-utils openssl
