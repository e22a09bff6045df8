# Read by the first process of a machine, in name spaces of its own: what a real sshd needs of an /etc.

# The accounts of the system itself, and nobody else's.
accounts() {
  {
    echo 'root:x:0:0:root:/root:/bin/bash'
    echo 'sshd:x:104:65534::/run/sshd:/usr/sbin/nologin'
    echo 'nobody:x:65534:65534:nobody:/nonexistent:/usr/sbin/nologin'
  } >/etc/passwd
  printf 'root:x:0:\nnogroup:x:65534:\n' >/etc/group
  printf 'root:*:19000:0:99999:7:::\nsshd:!:19000::::::\nnobody:*:19000:0:99999:7:::\n' >/etc/shadow
  printf 'root:*::\nnogroup:*::\n' >/etc/gshadow
  printf 'passwd: files\ngroup: files\nshadow: files\nhosts: files\n' >/etc/nsswitch.conf
  # Without loginuid, which a container may not set.
  printf '%s\n' 'auth required pam_unix.so' 'account required pam_unix.so' 'session optional pam_unix.so' >/etc/pam.d/sshd
}

# A line each of what is this machine's own.
sshd_config() {
  printf '%s\n' "$@" 'UsePAM yes' 'KbdInteractiveAuthentication no' 'MaxStartups 100' 'MaxSessions 10' \
    'PidFile none' 'PrintMotd no' 'PrintLastLog no' 'UseDNS no' 'LogLevel VERBOSE' \
    'Subsystem sftp internal-sftp' >/etc/ssh/sshd_config
}
