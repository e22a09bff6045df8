#!/bin/bash
# build.sh OUT SUITE APT-SOURCES…: a Debian with systemd, OpenSSH and cloud-init as a cloud image has them, from the
# distribution's own packages: disk.qcow2 (one file system, no partitions), and vmlinuz and initrd.img to boot it by.
set -euo pipefail
out=$1 suite=$2
shift 2
root=$(mktemp -d "${TMPDIR:-/tmp}/labplan-debian-XXXXXX")
trap 'rm -rf "$root"' EXIT

# In a mount namespace of its own: what it mounts (/proc, /sys) goes with it, even when it is killed.
unshare --mount mmdebstrap --quiet --variant=minbase \
  --include=linux-image-cloud-amd64,initramfs-tools,systemd-sysv,systemd-resolved,udev,dbus,iproute2,netplan.io,openssh-server,cloud-init,sudo,curl \
  --aptopt='Apt::Install-Recommends "false"' \
  --dpkgopt='path-exclude=/usr/share/man/*' --dpkgopt='path-exclude=/usr/share/locale/*' \
  --essential-hook='mkdir -p "$1/etc/initramfs-tools/conf.d"; echo MODULES=most >"$1/etc/initramfs-tools/conf.d/most"' \
  --customize-hook='echo "datasource_list: [NoCloud, None]" >"$1/etc/cloud/cloud.cfg.d/90_datasource.cfg"' \
  --customize-hook='chroot "$1" systemctl enable systemd-networkd' \
  --customize-hook='rm -f "$1"/etc/ssh/ssh_host_*; : >"$1/etc/machine-id"' \
  --customize-hook='echo "/dev/vda / ext4 defaults 0 1" >"$1/etc/fstab"; rm -rf "$1"/var/cache/apt/* "$1"/var/lib/apt/lists/*' \
  "$suite" - "$@" | tar -C "$root" -x --exclude='./dev/*'
cp "$root"/boot/vmlinuz-* "$out/vmlinuz"
cp "$root"/boot/initrd.img-* "$out/initrd.img"
truncate -s 1500M "$out/disk.raw"
mkfs.ext4 -q -d "$root" -L root "$out/disk.raw"
qemu-img convert -O qcow2 "$out/disk.raw" "$out/disk.qcow2"
rm "$out/disk.raw"
