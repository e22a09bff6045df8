#!/bin/bash
# build.sh OUT KERNEL-VERSION SUITE APT-SOURCES…: kernel, initrd and keys of the tiny guest, from the distribution's
# own packages, into the folder OUT.
set -euo pipefail
out=$1 version=$2 suite=$3
shift 3
here=$(cd "$(dirname "$0")" && pwd)
root=$(mktemp -d "${TMPDIR:-/tmp}/labplan-guest-XXXXXX")
trap 'rm -rf "$root"' EXIT

mmdebstrap --quiet --variant=extract --include=busybox,dropbear-bin \
  --aptopt='Apt::Install-Recommends "false"' "$suite" - "$@" | tar -C "$root" -x --exclude='./dev/*'
cd "$root"
rm -rf usr/share usr/lib/*/gconv usr/lib/*/perl* var/cache var/lib/apt etc/alternatives
mkdir -p proc sys dev run tmp mnt root/.ssh etc/dropbear lib/modules
for applet in $(bin/busybox --list); do
  [ -e "bin/$applet" ] || ln -s busybox "bin/$applet"
done

# The kernel's modules in the order in which they must be loaded; what is built in needs none.
for module in virtio_pci virtio_net virtio_blk virtio_rng virtio_scsi sr_mod isofs; do
  modprobe -S "$version" -D "$module" 2>/dev/null || true
done | awk '$1 == "insmod" && !seen[$2]++ { print $2 }' >lib/modules/order
while read -r file; do
  name=$(basename "$file")
  case $name in
  *.zst) zstd -dqo "lib/modules/${name%.zst}" "$file" ;;
  *.xz) xz -dc "$file" >"lib/modules/${name%.xz}" ;;
  *) cp "$file" lib/modules/ ;;
  esac
done <lib/modules/order
sed -i 's#.*/##; s/\.\(zst\|xz\)$//' lib/modules/order

echo 'root:x:0:0:root:/root:/bin/sh' >etc/passwd
echo 'root:*:0:0:99999:7:::' >etc/shadow
echo 'root:x:0:' >etc/group
echo /bin/sh >etc/shells
# Made here and not in the guest, which would take long without KVM; and so a test can pin it.
chroot . /usr/bin/dropbearkey -t ed25519 -f /etc/dropbear/host_key 2>/dev/null |
  awk '/^ssh-ed25519 / { print $1, $2 }' >"$out/host_key.pub"
ssh-keygen -q -t ed25519 -N '' -C guest -f "$out/id_ed25519"
cp "$out/id_ed25519.pub" root/.ssh/authorized_keys
chmod 700 root root/.ssh
chmod 600 root/.ssh/authorized_keys
install -m 755 "$here/init" init
install -m 755 "$here/udhcpc.sh" udhcpc.sh

find . -mindepth 1 | cpio -o -H newc --quiet | gzip -1 >"$out/initrd.gz"
cp "/boot/vmlinuz-$version" "$out/vmlinuz"
[ -s "$out/host_key.pub" ] || { echo "no host key was made" >&2; exit 1; }
