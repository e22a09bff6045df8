#!/usr/bin/env bash
# Installs the real systems that the tests use. Debian or Ubuntu, as root. Starts no service.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
for script in "$here"/*/install.sh; do
  bash "$script"
done
