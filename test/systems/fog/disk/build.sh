#!/bin/bash
# build.sh OUT KERNEL-VERSION BUSYBOX SUITE APT-SOURCES…: two disk images, `clean` and `work`, of one small system with
# a boot loader and OpenSSH's server, and a key that it lets in. Per image a folder with disk.img.gz and disk.size.
set -euo pipefail
out=$1 version=$2 busybox=$3 suite=$4
shift 4
here=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d "${TMPDIR:-/tmp}/labplan-disk-XXXXXX")
trap 'rm -rf "$work"' EXIT
export PATH=$PATH:/usr/sbin:/sbin
BOOT_MIB=24 ROOT_MIB=56

root=$work/root
mkdir "$root"
mmdebstrap --quiet --variant=extract --include=busybox,openssh-server,openssh-sftp-server,passwd,login \
  --aptopt='Apt::Install-Recommends "false"' "$suite" - "$@" | tar -C "$root" -x --exclude='./dev/*'
cd "$root"
rm -rf usr/share usr/lib/*/gconv usr/lib/*/perl* usr/bin/perl* var/cache var/lib/apt var/lib/dpkg etc/alternatives \
  usr/bin/ssh usr/lib/systemd
mkdir -p proc sys dev run tmp root/.ssh var/log var/empty etc/ssh
rm -rf var/run
ln -s /run var/run
chmod 1777 tmp
for applet in $(bin/busybox --list); do
  [ -e "bin/$applet" ] || [ -e "usr/bin/$applet" ] || [ -e "sbin/$applet" ] || [ -e "usr/sbin/$applet" ] ||
    ln -s busybox "bin/$applet"
done
# Busybox's own asks init to do it, and ours does not listen.
for verb in reboot poweroff; do
  rm -f "bin/$verb" "usr/bin/$verb" "sbin/$verb" "usr/sbin/$verb"
  printf '#!/bin/sh\nsync\nexec busybox %s -f\n' "$verb" >"bin/$verb"
  chmod 755 "bin/$verb"
done

printf '%s\n' 'root:x:0:0:root:/root:/bin/sh' 'sshd:x:101:65534::/run/sshd:/usr/sbin/nologin' \
  'nobody:x:65534:65534:nobody:/nonexistent:/usr/sbin/nologin' >etc/passwd
printf '%s\n' 'root:*:20000:0:99999:7:::' 'sshd:!:20000::::::' >etc/shadow
printf '%s\n' 'root:x:0:' 'tty:x:5:' 'shadow:x:42:' 'nogroup:x:65534:' >etc/group
chmod 640 etc/shadow
echo /bin/sh >etc/shells
echo localhost >etc/hostname
# pam-auth-update would have made these, had the packages been configured.
mkdir -p etc/pam.d
for service in other passwd chpasswd login; do
  printf '%s\n' 'auth required pam_unix.so' 'account required pam_unix.so' 'password required pam_unix.so yescrypt' \
    'session required pam_unix.so' >"etc/pam.d/$service"
done
printf '%s\n' 'HostKey /etc/ssh/ssh_host_ed25519_key' 'PermitRootLogin yes' 'UsePAM no' 'UseDNS no' \
  'Subsystem sftp internal-sftp' 'StreamLocalBindUnlink yes' >etc/ssh/sshd_config
rm -f etc/ssh/ssh_host_* sbin/init usr/sbin/init bin/init usr/bin/init
install -m 755 "$here/init" sbin/init
install -m 755 "$here/udhcpc.sh" etc/udhcpc.sh
ssh-keygen -q -t ed25519 -N '' -C image -f "$out/id_ed25519"
cp "$out/id_ed25519.pub" root/.ssh/authorized_keys
chmod 700 root root/.ssh
chmod 600 root/.ssh/authorized_keys

# Its kernel's first file system: only what leads to the disk.
early=$work/early
mkdir -p "$early"/{bin,dev,lib/m,proc,root}
cp "$busybox" "$early/bin/busybox"
for module in virtio_pci virtio_blk virtio_net virtio_rng ext4; do
  modprobe -S "$version" -D "$module" 2>/dev/null || true
done | awk '$1 == "insmod" && !seen[$2]++ { print $2 }' >"$work/order"
while read -r file; do
  name=$(basename "$file")
  case $name in
  *.zst) zstd -dqo "$early/lib/m/${name%.zst}" "$file" ;;
  *.xz) xz -dc "$file" >"$early/lib/m/${name%.xz}" ;;
  *) cp "$file" "$early/lib/m/" ;;
  esac
  echo "${name%.ko*}.ko" >>"$early/lib/m/order"
done <"$work/order"
install -m 755 "$here/initrd-init" "$early/init"
(cd "$early" && find . -mindepth 1 | cpio -o -H newc --quiet | gzip -1) >"$work/initrd.gz"

boot=$work/boot.img
mkfs.fat -F 16 -h 2048 -C "$boot" $((BOOT_MIB * 1024)) >/dev/null
syslinux --install "$boot"
printf '%s\n' 'DEFAULT disk' 'PROMPT 0' 'LABEL disk' '  KERNEL vmlinuz' '  INITRD initrd.gz' \
  '  APPEND console=ttyS0 quiet panic=-1 mitigations=off' >"$work/syslinux.cfg"
cp "/boot/vmlinuz-$version" "$work/vmlinuz"
mcopy -i "$boot" "$work/vmlinuz" "$work/initrd.gz" "$work/syslinux.cfg" ::/

le32() { printf "\\x$(printf %02x $(($1 & 255)))\\x$(printf %02x $(($1 >> 8 & 255)))\\x$(printf %02x $(($1 >> 16 & 255)))\\x$(printf %02x $(($1 >> 24 & 255)))"; }
# One entry of a partition table: flag, type, first sector, sectors.
partition() { printf '%b' "\\x$1\\xfe\\xff\\xff\\x$2\\xfe\\xff\\xff"; le32 "$3"; le32 "$4"; }
for image in clean work; do
  printf '%s\n' "NAME=\"Lab $image\"" 'ID=labimage' "VERSION_ID=\"$image-1\"" "PRETTY_NAME=\"Lab $image 1\"" >"$root/etc/os-release"
  echo "$image-1" >"$root/etc/lab-image"
  mkdir -p "$out/$image"
  disk=$work/$image.img
  truncate -s $(((1 + BOOT_MIB) * 1048576)) "$disk"
  dd if=/usr/lib/syslinux/mbr/mbr.bin of="$disk" conv=notrunc status=none
  {
    partition 80 06 2048 $((BOOT_MIB * 2048))
    partition 00 83 $(((1 + BOOT_MIB) * 2048)) $((ROOT_MIB * 2048))
  } | dd of="$disk" bs=1 seek=446 conv=notrunc status=none
  printf '\x55\xaa' | dd of="$disk" bs=1 seek=510 conv=notrunc status=none
  dd if="$boot" of="$disk" bs=1M seek=1 conv=notrunc status=none
  mke2fs -q -t ext4 -m 0 -d "$root" "$work/$image.root" "${ROOT_MIB}M"
  cat "$work/$image.root" >>"$disk"
  stat -c %s "$disk" >"$out/$image/disk.size"
  gzip -1 <"$disk" >"$out/$image/disk.img.gz"
done
