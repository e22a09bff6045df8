#!/bin/bash
# First process of the private namespaces of one machine. $1: state folder; $2: folder with a sudo, or nothing; $3: port.
# Its /etc, /root, /home, /run, /tmp and /var/log are its own: what is done to its users never reaches the host.
set -e
. "$(dirname "$0")/../sshd.sh"
state=$1 sudo=$2 port=$3
mount --make-rprivate /
mkdir -p "$state"/{etc,work,root,home}
[ -z "$sudo" ] || mount -t overlay overlay -o "lowerdir=$sudo/usr:/usr" /usr
mount -t overlay overlay -o "lowerdir=/etc,upperdir=$state/etc,workdir=$state/work" /etc
[ -z "$sudo" ] || cp "$sudo"/etc/pam.d/sudo* /etc/pam.d/
mount --bind "$state/root" /root
mount --bind "$state/home" /home
chmod 700 /root
for folder in /run /var/log /var/mail; do mount -t tmpfs tmpfs $folder; done
mkdir -p /run/sshd /run/sudo
rm -rf /etc/sudoers.d /etc/labplan /etc/ssh/sshd_config.d /etc/.pwd.lock

accounts
for name in ada ops bob eve; do useradd -m -s /bin/sh -K UMASK=022 "$name"; done
chmod 755 /home/*
if [ -n "$sudo" ]; then
  install -m 440 /dev/stdin /etc/sudoers <<'SUDOERS'
ops ALL=(ALL) NOPASSWD: ALL
bob ALL=(ALL) ALL
Defaults:eve !authenticate
eve ALL=(ALL) /bin/true
SUDOERS
fi

for user in root ada ops bob eve; do
  home=$(getent passwd $user | cut -d: -f6)
  install -d -m 700 -o $user -g $user "$home/.ssh"
  install -m 600 -o $user -g $user "$state/id_ed25519.pub" "$home/.ssh/authorized_keys"
done
install -m 600 "$state/host_key" /etc/ssh/host_key
sshd_config "Port $port" 'ListenAddress 127.0.0.1' 'HostKey /etc/ssh/host_key' 'PasswordAuthentication yes' \
  'PermitRootLogin yes'
# The last one, because our state folder is below it.
mount -t tmpfs -o mode=1777 tmpfs /tmp
# As the first process, bash takes in whoever is left without a parent.
/usr/sbin/sshd -D -E /etc/ssh/log -f /etc/ssh/sshd_config &
set +e
wait $!
