#!/usr/bin/env bash
# Installs pykickstart, for its ksvalidator, into a folder of our own. May be repeated; needs no root where Python is.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
home=${XDG_CACHE_HOME:-$HOME/.cache}/labplan/kickstart
version=3.78

if "$home/venv/bin/ksvalidator" --help >/dev/null 2>&1 && [ "$(cat "$home/version" 2>/dev/null)" = "$version" ]; then
  echo "pykickstart $version is installed in $home"
else
  # Debian's own python3 may lack venv; any other Python 3 on the PATH will do.
  if ! python3 -c 'import ensurepip, venv' 2>/dev/null; then
    # shellcheck source=../apt.sh
    . "$here/../apt.sh"
    apt_install python3-venv
  fi
  mkdir -p "$home"
  rm -rf "$home/venv"
  python3 -m venv "$home/venv"
  "$home/venv/bin/pip" install --quiet --disable-pip-version-check "pykickstart==$version"
  echo "$version" >"$home/version"
fi
if ! command -v debconf-set-selections >/dev/null; then
  # shellcheck source=../apt.sh
  . "$here/../apt.sh"
  apt_install debconf
fi
