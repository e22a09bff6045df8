#!/bin/bash
# initrd.sh RECIPE OUT KERNEL-VERSION BUSYBOX MODULES…: kernel and initrd of what is on this machine. RECIPE has its
# `init` and `udhcpc.sh`.
set -euo pipefail
recipe=$(cd "$1" && pwd)
out=$2 version=$3 busybox=$4
shift 4
root=$(mktemp -d "${TMPDIR:-/tmp}/labplan-initrd-XXXXXX")
trap 'rm -rf "$root"' EXIT

cd "$root"
mkdir -p bin dev etc lib/m proc sys mnt
cp "$busybox" bin/busybox
# The modules in the order in which they must be loaded; what is built in needs none.
for module in "$@"; do
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
install -m 755 "$recipe/init" init
install -m 755 "$recipe/udhcpc.sh" etc/udhcpc.sh
find . -mindepth 1 | cpio -o -H newc --quiet | gzip -1 >"$out/initrd.gz"
cp "/boot/vmlinuz-$version" "$out/vmlinuz"
