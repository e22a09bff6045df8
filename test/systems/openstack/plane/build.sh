#!/bin/bash
# A control plane's data with all schemas and a seeded cloud, so that a later start takes seconds.
# usage: build.sh <folder>
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
folder=$1
# The paste files are in packages that would configure services of the host's: only unpacked.
mkdir "$folder/debs" "$folder/paste"
chmod 755 "$folder" "$folder/debs"
(cd "$folder/debs" && apt-get download -qq nova-common neutron-common glance-common)
for deb in "$folder"/debs/*.deb; do dpkg-deb -x "$deb" "$folder/debs/x"; done
cp "$folder/debs/x/usr/share/glance-common/glance-api-paste.ini" "$folder/paste/glance.ini"
cp "$folder/debs/x/usr/share/nova-common/api-paste.ini" "$folder/paste/nova.ini"
cp "$folder/debs/x/usr/share/neutron-common/api-paste.ini" "$folder/paste/neutron.ini"
rm -rf "$folder/debs"
# Nothing of the user that leads elsewhere: OS_CLOUD, proxies.
env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin setpriv --pdeathsig KILL unshare -m -p -f --mount-proc --kill-child \
  bash "$here/plane.sh" "$folder" seed >&2
