#!/bin/bash
# build.sh OUT KERNEL-VERSION BUSYBOX: kernel and initrd of a small FOS, from what is on this machine.
set -euo pipefail
out=$1 version=$2 busybox=$3
here=$(cd "$(dirname "$0")" && pwd)
root=$(mktemp -d "${TMPDIR:-/tmp}/labplan-fos-XXXXXX")
trap 'rm -rf "$root"' EXIT

cd "$root"
mkdir -p bin dev etc lib/m proc sys mnt
cp "$busybox" bin/busybox
# The modules in the order in which they must be loaded; what is built in needs none.
for module in virtio_pci virtio_net virtio_blk virtio_rng ext4; do
  modprobe -S "$version" -D "$module" 2>/dev/null || true
done | awk '$1 == "insmod" && !seen[$2]++ { print $2 }' >order
while read -r file; do
  name=$(basename "$file")
  case $name in
  *.zst) zstd -dqo "lib/m/${name%.zst}" "$file" ;;
  *.xz) xz -dc "$file" >"lib/m/${name%.xz}" ;;
  *) cp "$file" lib/m/ ;;
  esac
  echo "${name%.ko*}.ko" >>lib/m/order
done <order
rm order
install -m 755 "$here/init" init
install -m 755 "$here/udhcpc.sh" etc/udhcpc.sh
find . -mindepth 1 | cpio -o -H newc --quiet | gzip -1 >"$out/initrd.gz"
cp "/boot/vmlinuz-$version" "$out/vmlinuz"
