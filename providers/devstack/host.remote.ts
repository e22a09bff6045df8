import { HOST_NOTE } from "./places";

/** What devstack:Host runs on a node, as scripts for any POSIX shell. Each step may be repeated. */

const SBIN = "PATH=$PATH:/usr/local/sbin:/usr/sbin:/sbin";
export const EXIT = {
  uidTaken: 51,
  otherUid: 52,
  otherHome: 53,
  noTool: 54,
  sudoers: 55,
  closed: 56,
  mounted: 57,
} as const;

/** Debian's and Red Hat's own way to look a name up, and the file where there is no getent. */
const FIND = `find_user() { getent passwd "$1" 2>/dev/null || awk -F: -v u="$1" '$1 == u || $3 == u' /etc/passwd | head -n 1; }`;

/** `$1` host name, `$2` user, `$3` home, `$4` uid: `key=value` lines of what there is. Read only. */
export const LOOK = [
  SBIN,
  FIND,
  'echo "host=$(hostname)"',
  'grep -qs "^127.0.1.1 $1 # labplan$" /etc/hosts && echo hosts=ours || :',
  'line=$(find_user "$2"); echo "user=$line"; echo "owner=$(find_user "$4" | cut -d : -f 1)"',
  'case $(stat -c %A "$3" 2>/dev/null) in d????????x) echo home=open ;; d*) echo home=closed ;; esac',
  '[ ! -e "/etc/sudoers.d/labplan-$2" ] || echo sudoers=ours',
  'if [ -r "$3/.ssh/id_ed25519.pub" ]; then echo "key=$(head -n 1 "$3/.ssh/id_ed25519.pub")"; fi',
  '[ ! -e "$3/.ssh/id_ed25519" ] || echo private=there',
  `[ ! -e ${HOST_NOTE} ] || { echo note=; cat ${HOST_NOTE}; }`,
].join("\n");

/** /etc/hosts without our line; grep says 1 where no other is left. */
const OTHERS = 'others() { [ ! -e /etc/hosts ] || grep -v " # labplan$" /etc/hosts || [ $? = 1 ]; }';
/** A container's /etc/hosts cannot be renamed over, so what takes its place has to be there as a whole: a disk may be full. */
const PUT_HOSTS =
  'if cmp -s "$t" /etc/hosts; then :; elif [ -s "$t" ] || ! others | grep -q .; then cat "$t" > /etc/hosts || exit 1; fi; rm -f "$t"';

/** `$1` host name. What the system was called stays in our note; /etc/hosts gets one line of ours. */
export const HOST_NAME = [
  SBIN,
  'if [ "$(hostname)" != "$1" ]; then',
  '  { [ -d /run/systemd/system ] && hostnamectl set-hostname "$1"; } 2>/dev/null || { printf "%s\\n" "$1" > /etc/hostname && hostname "$1"; } || exit 1',
  "fi",
  '[ "$(cat /etc/hostname 2>/dev/null)" = "$1" ] || printf "%s\\n" "$1" > /etc/hostname',
  OTHERS,
  't=/etc/hosts.labplan-part; { others && { [ -z "$1" ] || printf "127.0.1.1 %s # labplan\\n" "$1"; }; } > "$t" || { rm -f "$t"; exit 1; }',
  PUT_HOSTS,
].join("\n");

/** `$1` host name of before. */
export const HOST_NAME_BACK = [
  SBIN,
  'if [ -n "$1" ] && [ "$(hostname)" != "$1" ]; then',
  '  { [ -d /run/systemd/system ] && hostnamectl set-hostname "$1"; } 2>/dev/null || { printf "%s\\n" "$1" > /etc/hostname && hostname "$1"; } || :',
  "fi",
  OTHERS,
  't=/etc/hosts.labplan-part; others > "$t" || { rm -f "$t"; exit 1; }',
  PUT_HOSTS,
].join("\n");

/** `$1` user, `$2` uid, `$3` home, `$4` `made` when the user is ours: the user with that number, a home that others may enter, and sudo without a password. */
export const USER = [
  SBIN,
  FIND,
  'line=$(find_user "$1")',
  'if [ -z "$line" ]; then',
  `  other=$(find_user "$2"); [ -z "$other" ] || { echo "\${other%%:*}"; exit ${EXIT.uidTaken}; }`,
  `  command -v useradd >/dev/null 2>&1 || exit ${EXIT.noTool}`,
  '  useradd -m -u "$2" -U -d "$3" -s /bin/bash "$1" || useradd -m -u "$2" -d "$3" -s /bin/bash "$1" || exit 1',
  '  line=$(find_user "$1"); [ -n "$line" ] || exit 1',
  "fi",
  `uid=$(echo "$line" | cut -d : -f 3); [ "$uid" = "$2" ] || { echo "$uid"; exit ${EXIT.otherUid}; }`,
  `home=$(echo "$line" | cut -d : -f 6); [ "$home" = "$3" ] || { echo "$home"; exit ${EXIT.otherHome}; }`,
  '[ -d "$3" ] || { mkdir -p "$3" && { chown "$1" "$3" 2>/dev/null || :; }; } || exit 1',
  // useradd leaves a folder that is there as it is.
  'if [ "$4" = made ] && [ "$(stat -c %u "$3")" = 0 ] && [ -z "$(ls -A "$3")" ]; then chown "$1" "$3" 2>/dev/null && chgrp "$(id -g "$1")" "$3" 2>/dev/null || :; fi',
  // devstack refuses a home that its services cannot enter.
  'case $(stat -c %A "$3") in d????????x) ;; *) chmod o+x "$3" || exit 1 ;; esac',
  "mkdir -p /etc/sudoers.d && umask 077",
  "f=/etc/sudoers.d/labplan-$1 t=/etc/sudoers.d/.labplan-part",
  'printf "# labplan: devstack runs as this user\\n%s ALL=(ALL) NOPASSWD: ALL\\n" "$1" > "$t" && chmod 440 "$t" || exit 1',
  `if command -v visudo >/dev/null 2>&1; then visudo -c -q -f "$t" >&2 || { rm -f "$t"; exit ${EXIT.sudoers}; }; fi`,
  'if cmp -s "$t" "$f"; then rm -f "$t"; else mv -f "$t" "$f"; fi',
].join("\n");

/** As the user, `$1` comment: its key pair, made there; says the public key. A private key that is there stays. */
export const KEY = [
  'cd "$HOME" && umask 077 && mkdir -p .ssh && chmod 700 .ssh || exit 1',
  `command -v ssh-keygen >/dev/null 2>&1 || exit ${EXIT.noTool}`,
  "if [ ! -s .ssh/id_ed25519 ]; then",
  "  rm -f .ssh/.labplan-part .ssh/.labplan-part.pub",
  '  ssh-keygen -q -t ed25519 -N "" -C "$1" -f .ssh/.labplan-part </dev/null || exit 1',
  "  mv -f .ssh/.labplan-part.pub .ssh/id_ed25519.pub && mv -f .ssh/.labplan-part .ssh/id_ed25519 || exit 1",
  "fi",
  "[ -s .ssh/id_ed25519.pub ] || ssh-keygen -y -f .ssh/id_ed25519 > .ssh/id_ed25519.pub </dev/null || exit 1",
  "chmod 600 .ssh/id_ed25519; chmod 644 .ssh/id_ed25519.pub; head -n 1 .ssh/id_ed25519.pub",
].join("\n");

/** Packages as words: says those that are missing. */
export const MISSING = [
  SBIN,
  "if command -v apt-get >/dev/null 2>&1; then",
  `  for p; do dpkg-query -W -f '\${db:Status-Status}\\n' "$p" 2>/dev/null | grep -qx installed || echo "$p"; done`,
  "elif command -v rpm >/dev/null 2>&1; then",
  '  for p; do rpm -q --whatprovides "$p" >/dev/null 2>&1 || echo "$p"; done',
  `else exit ${EXIT.noTool}; fi`,
].join("\n");

/** Packages as words: installed without a question, once whoever else installs is done. */
export const INSTALL = [
  SBIN,
  "export DEBIAN_FRONTEND=noninteractive NEEDRESTART_MODE=a LC_ALL=C",
  "if command -v apt-get >/dev/null 2>&1; then",
  '  set -- -q -y -o DPkg::Lock::Timeout=300 -o Dpkg::Options::=--force-confold install --no-install-recommends "$@"',
  "  apt-get -q -o DPkg::Lock::Timeout=300 update >&2 </dev/null || :",
  '  apt-get "$@" >&2 </dev/null',
  "elif command -v dnf >/dev/null 2>&1; then",
  '  dnf -q -y install "$@" >&2 </dev/null',
  `else exit ${EXIT.noTool}; fi`,
].join("\n");

/**
 * `$1` user, `$2` home, `$3` uid, `$4` `keep` where somebody's work is below it, then what we made of `key`, `user`,
 * `home`: what is ours goes, and nothing else. A clone of devstack that its node left has somebody's work in it as well:
 * home and user stay with it, and it says `kept`.
 */
export const REMOVE = [
  SBIN,
  FIND,
  'u=$1 h=$2 n=$3 keep=$4; shift 4; [ ! -e "$h/devstack" ] || keep=keep',
  // What is mounted there is somebody's disk.
  'case " $* " in *" home "*) [ -n "$keep" ] || [ ! -r /proc/self/mountinfo ] || {',
  '  r=$(readlink -f "$h" 2>/dev/null) || r=$h',
  '  on=$(while read -r _ _ _ _ at _; do case $at in "$r" | "$r"/*) echo "$at" ;; esac; done < /proc/self/mountinfo)',
  `  [ -z "$on" ] || { echo "$on"; exit ${EXIT.mounted}; }; } ;; esac`,
  'rm -f "/etc/sudoers.d/labplan-$u"',
  'line=$(find_user "$u")',
  // Somebody else's by now, whatever we had meant to make.
  '[ -z "$line" ] || [ "$(echo "$line" | cut -d : -f 3)" = "$n" ] || exit 0',
  "for made; do case $made in",
  '  key) rm -f "$h/.ssh/id_ed25519" "$h/.ssh/id_ed25519.pub" ;;',
  "  user)",
  '    [ -n "$line" ] && [ -z "$keep" ] || continue',
  '    id=$(echo "$line" | cut -d : -f 3)',
  '    if [ "$id" != 0 ] && command -v pkill >/dev/null 2>&1; then pkill -KILL -u "$id" || :; fi',
  '    userdel "$u" >&2 || ! find_user "$u" | grep -q . || exit 1 ;;',
  "  home)",
  '    [ -z "$keep" ] || continue',
  // Busybox' own does not know it.
  "    one=; ! rm --help 2>&1 | grep -q one-file-system || one=--one-file-system",
  '    rm -rf $one "$h" || exit 1 ;;',
  "esac; done",
  'case " $* " in *" user "* | *" home "*) [ -z "$keep" ] || echo kept ;; esac',
].join("\n");

/** Our note, last of all. Its folder goes when nothing of ours is left in it. */
export const FORGET = `rm -f ${HOST_NOTE}; rmdir /var/lib/labplan/devstack /var/lib/labplan 2>/dev/null || :`;
