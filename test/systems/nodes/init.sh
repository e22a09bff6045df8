#!/bin/bash
# First process of a node: it has disks, host name, processes and network devices of its own.
# $1: folder with its disks, which outlive a reboot; $2: folder with a sudo, or nothing; $3: its host name.
# Waits for its network card, then does what a boot does.
set -e
. "$(dirname "$0")/../sshd.sh"
disks=$1 sudo=$2 name=$3
mount --make-rprivate /
for folder in etc usr var opt; do
  mkdir -p "$disks/$folder" "$disks/work/$folder"
  lower=/$folder
  if [ $folder = usr ] && [ -n "$sudo" ]; then lower=$sudo/usr:/usr; fi
  mount -t overlay overlay -o "lowerdir=$lower,upperdir=$disks/$folder,workdir=$disks/work/$folder" /$folder
done
[ -z "$sudo" ] || cp "$sudo"/etc/pam.d/sudo* /etc/pam.d/
for folder in root home; do
  mkdir -p "$disks/$folder"
  mount --bind "$disks/$folder" /$folder
done
keys=$disks/keys
first=
[ -e "$disks/booted" ] || first=yes
touch "$disks/booted"
mount -t tmpfs -o mode=755 tmpfs /run
mkdir -p /run/sshd /run/sudo /run/lock
# What is asked by programs that look for systemd; see systemctl.sh.
mkdir -p /run/systemd/system
mount -t sysfs sysfs /sys 2>/dev/null || :
hostname "$name"
[ -e /usr/bin/systemctl.real ] || [ ! -e /usr/bin/systemctl ] || cp /usr/bin/systemctl /usr/bin/systemctl.real
install -m 755 "$keys/systemctl.sh" /usr/bin/systemctl

if [ -n "$first" ]; then
  chmod 700 /root
  rm -rf /etc/sudoers.d /etc/labplan /etc/ssh/sshd_config.d /etc/.pwd.lock /etc/systemd/system/* /var/lib/labplan /opt/*
  echo "$name" >/etc/hostname
  printf '127.0.0.1 localhost\n::1 localhost\n127.0.1.1 %s\n' "$name" >/etc/hosts
  accounts
  if [ -n "$sudo" ]; then
    printf '%s\n' 'root ALL=(ALL:ALL) NOPASSWD: ALL' '@includedir /etc/sudoers.d' >/etc/sudoers
    chmod 440 /etc/sudoers
    install -d -m 755 /etc/sudoers.d
  fi
  install -d -m 700 /root/.ssh
  install -m 600 "$keys/id_ed25519.pub" /root/.ssh/authorized_keys
  install -m 600 "$keys/host_key" /etc/ssh/ssh_host_ed25519_key
  install -m 644 "$keys/host_key.pub" /etc/ssh/ssh_host_ed25519_key.pub
  sshd_config 'Port 22' 'HostKey /etc/ssh/ssh_host_ed25519_key' 'PasswordAuthentication no' \
    'PermitRootLogin prohibit-password'
fi
mount -t tmpfs -o mode=1777 tmpfs /tmp
echo ready
# The network card is put in from outside.
for ((tries = 0; tries < 1000; tries++)); do
  [ ! -e /run/network ] || break
  sleep 0.02
done
# A boot starts what is enabled.
for unit in /etc/systemd/system/multi-user.target.wants/*.service; do
  [ ! -e "$unit" ] || systemctl start "${unit##*/}" >>/run/boot.log 2>&1 || echo "failed: $unit" >>/run/boot.log
done
/usr/sbin/sshd -D -E /run/sshd.log -f /etc/ssh/sshd_config &
touch /run/up
# As the first process, bash takes in whoever is left without a parent.
set +e
wait $!
sleep infinity &
wait $!
