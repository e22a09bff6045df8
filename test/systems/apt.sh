# Sourced by the install scripts. Installs Debian packages and lets none of them start a service of the host's.
# usage: apt_install <package>...

apt_install() {
  if ! command -v apt-get >/dev/null; then
    echo "install these with this system's package manager: $*" >&2
    return 1
  fi
  if [ "$(id -u)" != 0 ]; then
    echo "run this as root; it installs: $*" >&2
    return 1
  fi
  (
    guard=/usr/sbin/policy-rc.d
    if [ ! -e "$guard" ]; then
      # 101 is "action forbidden": invoke-rc.d then starts nothing (Debian policy, "policy-rc.d").
      printf '#!/bin/sh\nexit 101\n' >"$guard"
      chmod 755 "$guard"
      trap 'rm -f "$guard"' EXIT
    elif ! grep -q 'exit 101' "$guard"; then
      echo "$guard exists and may let services start; install these by hand: $*" >&2
      exit 1
    fi
    export DEBIAN_FRONTEND=noninteractive
    apt-get update -qq
    apt-get install -y -qq --no-install-recommends "$@"
  )
}
