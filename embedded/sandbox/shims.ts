import * as fs from "node:fs";
import * as path from "node:path";

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

const USERDEL = script(
  "remove=",
  'while [ $# -gt 1 ]; do case "$1" in -r|-rf|--remove|--remove-home) remove=1 ;; esac; shift; done',
  'case "$1" in ""|root|*[!a-z0-9_-]*) echo "userdel: invalid user name" >&2; exit 2 ;; esac',
  'grep -q "^$1:" /etc/passwd || { echo "userdel: user \'$1\' does not exist" >&2; exit 6; }',
  'home=$(grep "^$1:" /etc/passwd | cut -d: -f6)',
  "for file in passwd group shadow; do",
  '  grep -v "^$1:" "/etc/$file" > "/etc/$file.new"; cat "/etc/$file.new" > "/etc/$file"; rm -f "/etc/$file.new"',
  "done",
  '[ -z "$remove" ] || rm -rf "$home"',
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
/** Longer ones are files; read while we can, as the project may be closed to the user that the daemon becomes. */
const file = (name: string): string => fs.readFileSync(path.join(__dirname, "bin", `${name}.sh`), "utf8");

export const SHIMS: Record<string, string> = {
  hostnamectl: HOSTNAMECTL,
  useradd: file("useradd"),
  adduser: file("useradd"),
  userdel: USERDEL,
  deluser: USERDEL,
  chpasswd: CHPASSWD,
  poweroff: POWEROFF,
  halt: POWEROFF,
  reboot: REBOOT,
  shutdown: SHUTDOWN,
  become: file("become"),
  sudo: file("sudo"),
  runuser: file("runuser"),
  su: file("runuser"),
  id: file("id"),
  whoami: file("id"),
  ip: file("asked"),
  bridge: file("asked"),
  ping: file("asked"),
  "apt-get": file("apt-get"),
  "dpkg-query": file("dpkg-query"),
  systemctl: file("systemctl"),
  visudo: file("visudo"),
};
