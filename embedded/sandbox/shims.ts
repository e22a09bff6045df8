/**
 * Commands that on a real machine talk to a daemon which a sandbox does not have, as shell scripts that act on the
 * sandbox's own files. They run inside its namespaces. pid 1 takes USR1 for a reboot and TERM for a power-off.
 */

const script = (...lines: string[]): string => `#!/bin/sh\n${lines.join("\n")}\n`;

const HOSTNAMECTL = script(
  'case "$1" in',
  '  set-hostname|hostname) [ -n "$2" ] || exec hostname; hostname "$2" && printf "%s\\n" "$2" > /etc/hostname ;;',
  '  ""|status|show) printf " Static hostname: %s\\n" "$(cat /etc/hostname)" ;;',
  '  *) echo "hostnamectl: unknown command $1" >&2; exit 1 ;;',
  "esac",
);

/** The last argument is the name; the options that take a value are skipped with it. */
const USERADD = script(
  "name=; home=",
  "while [ $# -gt 0 ]; do",
  '  case "$1" in',
  "    -d|--home-dir|--home) home=$2; shift 2 ;;",
  "    -u|--uid|-g|--gid|-G|--groups|-s|--shell|-c|--comment|-p|--password|--gecos|--ingroup) shift 2 ;;",
  "    -*) shift ;;",
  "    *) name=$1; shift ;;",
  "  esac",
  "done",
  'case "$name" in ""|*[!a-z0-9_-]*) echo "useradd: invalid user name" >&2; exit 3 ;; esac',
  'if grep -q "^$name:" /etc/passwd; then echo "useradd: user \'$name\' already exists" >&2; exit 9; fi',
  "last=$(cut -d: -f3 /etc/passwd | grep -v 65534 | sort -n | tail -n 1)",
  "id=$((last < 1000 ? 1000 : last + 1))",
  '[ -n "$home" ] || home=/home/$name',
  'printf "%s:x:%s:%s::%s:/bin/sh\\n" "$name" "$id" "$id" "$home" >> /etc/passwd',
  'printf "%s:x:%s:\\n" "$name" "$id" >> /etc/group',
  'mkdir -p "$home"',
);

const USERDEL = script(
  "remove=",
  'while [ $# -gt 1 ]; do case "$1" in -r|-rf|--remove|--remove-home) remove=1 ;; esac; shift; done',
  'case "$1" in ""|root|*[!a-z0-9_-]*) echo "userdel: invalid user name" >&2; exit 2 ;; esac',
  'grep -q "^$1:" /etc/passwd || { echo "userdel: user \'$1\' does not exist" >&2; exit 6; }',
  "for file in passwd group shadow; do",
  '  grep -v "^$1:" "/etc/$file" > "/etc/$file.new"; cat "/etc/$file.new" > "/etc/$file"; rm -f "/etc/$file.new"',
  "done",
  '[ -z "$remove" ] || rm -rf "/home/$1"',
);

/**
 * Reads "user:password" lines; the system's own wants its PAM configuration. The crypt is one that the SSH server
 * knows: a salt, and the digest of it with the password, which is a word of no command.
 */
const CHPASSWD = script(
  'crypted=; [ "$1" != -e ] || crypted=1',
  "while IFS= read -r line; do",
  `  user=\${line%%:*}; secret=\${line#*:}`,
  '  grep -q "^$user:" /etc/passwd || { echo "chpasswd: no user $user" >&2; exit 1; }',
  '  if [ -z "$crypted" ]; then',
  "    salt=$(head -c 12 /dev/urandom | base64 | tr -d '/+=')",
  '    secret="\\$lp\\$$salt\\$$(printf %s%s "$salt" "$secret" | sha256sum | cut -c 1-64)"',
  "  fi",
  "  umask 077",
  '  { grep -v "^$user:" /etc/shadow; printf "%s:%s:19000:0:99999:7:::\\n" "$user" "$secret"; } > /etc/shadow.new',
  "  cat /etc/shadow.new > /etc/shadow; rm -f /etc/shadow.new",
  "done",
);

const POWEROFF = script("kill -TERM 1");
const REBOOT = script("kill -USR1 1");
const SHUTDOWN = script('for word; do [ "$word" != -r ] || exec reboot; done', "exec poweroff");
/** Everything in a sandbox belongs to the one user that it has, so there is nobody else to become. */
const SUDO = script(
  'while [ $# -gt 0 ]; do case "$1" in -u|-g) shift 2 ;; --) shift; break ;; -*) shift ;; *) break ;; esac; done',
  'while [ $# -gt 0 ]; do case "$1" in *=*) export "$1"; shift ;; *) break ;; esac; done',
  'exec "$@"',
);

/** As sudo: there is nobody else to become. */
const RUNUSER = script(
  'while [ $# -gt 0 ]; do case "$1" in -u) shift 2 ;; --) shift; break ;; -*) shift ;; *) break ;; esac; done',
  'exec "$@"',
);

export const SHIMS: Record<string, string> = {
  hostnamectl: HOSTNAMECTL,
  useradd: USERADD,
  adduser: USERADD,
  userdel: USERDEL,
  deluser: USERDEL,
  chpasswd: CHPASSWD,
  poweroff: POWEROFF,
  halt: POWEROFF,
  reboot: REBOOT,
  shutdown: SHUTDOWN,
  sudo: SUDO,
  runuser: RUNUSER,
};
