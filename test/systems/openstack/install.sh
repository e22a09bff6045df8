#!/bin/bash
# Install what the OpenStack tests run: keystone, glance, placement, nova and neutron as Python packages (no service of
# the host's), MariaDB, RabbitMQ. Debian or Ubuntu, as root; may be repeated. The tests start them in a pid namespace.
set -euo pipefail
# shellcheck source=test/systems/apt.sh
. "$(dirname "$0")/../apt.sh"

packages=(
  python3-keystone python3-glance python3-placement python3-nova python3-neutron python3-openstackclient
  python3-sqlalchemy-ext uwsgi-core uwsgi-plugin-python3 rabbitmq-server mariadb-server util-linux curl procps
)
missing=()
for package in "${packages[@]}"; do
  dpkg-query -W -f '${Status}' "$package" 2>/dev/null | grep -q 'ok installed' || missing+=("$package")
done
if [ ${#missing[@]} -eq 0 ]; then
  echo "the OpenStack services, MariaDB and RabbitMQ are installed"
  exit 0
fi
echo "missing: ${missing[*]}"
# 300 packages: without this dpkg waits for the disk after each file.
apt_install -o Dpkg::Options::=--force-unsafe-io "${missing[@]}"
