/**
 * What is run on the machine, as scripts for any POSIX shell. Names and sizes come as arguments, contents and secrets
 * on standard input only; nothing secret is ever a word of a command there either.
 */

/** Exit codes of these scripts that mean something by themselves. */
export const EXIT = { isLink: 43, none: 44, noHome: 45, changed: 46, cut: 47, noTool: 48 } as const;

const SBIN = "PATH=$PATH:/usr/sbin:/sbin";

/** `$1` user: its line of passwd. */
export const ACCOUNT = [
  `{ getent passwd "$1" 2>/dev/null || awk -F: -v u="$1" '$1 == u' /etc/passwd; } | head -n 1`,
].join("\n");

/** `$1` file: rights and owners of the home, the folder and the file, then its content as base64. */
export const READ_KEYS = [
  'cd /; f=$1; d=$(dirname "$f"); h=$(dirname "$d")',
  `[ -d "$h" ] || exit ${EXIT.noHome}`,
  `[ ! -L "$f" ] || { readlink "$f"; exit ${EXIT.isLink}; }`,
  `[ -e "$f" ] || exit ${EXIT.none}`,
  `for each in "$h" "$d" "$f"; do stat -c '%a %u' "$each" 2>/dev/null || echo '0 0'; done`,
  'base64 < "$f"',
].join("\n");

/** The digest of a file, or nothing for none: what must not have changed since it was read. */
const DIGEST = `$(if [ -e "$f" ]; then sha256sum < "$f" | cut -c 1-64; fi)`;

/**
 * `$1` file, `$2` bytes, `$3` digest of what it replaces: takes its place as a whole, or not at all. The size is
 * compared because a link that breaks looks like the end of the input. Without content the file goes.
 */
export const WRITE_KEYS = [
  'cd /; umask 077; f=$1; d=$(dirname "$f"); t=$f.labplan-part',
  'mkdir -p "$d" && chmod 700 "$d" || exit 1',
  'rm -f "$t"; cat > "$t" && chmod 600 "$t" || { rm -f "$t"; exit 1; }',
  `[ "$(wc -c < "$t")" -eq "$2" ] || { rm -f "$t"; exit ${EXIT.cut}; }`,
  `[ "${DIGEST}" = "$3" ] || { rm -f "$t"; exit ${EXIT.changed}; }`,
  'if [ "$2" -eq 0 ]; then rm -f "$f" "$t"; exit; fi',
  'mv -f "$t" "$f" || { rm -f "$t"; exit 1; }',
  `${SBIN}; if command -v restorecon >/dev/null 2>&1; then restorecon "$d" "$f" || :; fi`,
].join("\n");

/** What sshd does for a user, `$1`. Says nothing where sshd cannot be asked. */
export const SSHD = [
  SBIN,
  `sshd -T -C "user=$1,host=localhost,addr=127.0.0.1" 2>/dev/null | grep -E '^(authorizedkeysfile|passwordauthentication|kbdinteractiveauthentication|permitrootlogin) ' || :`,
].join("\n");

/** `$1` file, `$2` bytes. Only root can look into its folder. */
export const WRITE_MARKER = [
  'umask 022; f=$1; d=$(dirname "$f"); t=$f.labplan-part',
  'mkdir -p "$(dirname "$d")" && umask 077 && mkdir -p "$d" && chmod 700 "$d" || exit 1',
  'rm -f "$t"; cat > "$t" || { rm -f "$t"; exit 1; }',
  `[ "$(wc -c < "$t")" -eq "$2" ] || { rm -f "$t"; exit ${EXIT.cut}; }`,
  'mv -f "$t" "$f"',
].join("\n");

/** `$1` file. Its folder goes with the last one. */
export const REMOVE_MARKER = 'rm -f "$1" && { rmdir "$(dirname "$1")" 2>/dev/null || :; }';

/**
 * Says whether `$1` has a password, and the digest of the crypted one. That is salted already, so that the digest
 * helps nobody to guess it.
 */
const TELL = [
  `field() { { getent shadow "$1" || awk -F: -v u="$1" '$1 == u' /etc/shadow; } 2>/dev/null | head -n 1 | cut -d : -f 2; }`,
  `case $(field "$1" | cut -c 1) in '*' | '!' | '') echo none ;; *) echo set ;; esac`,
  `field "$1" | sha256sum | cut -c 1-64`,
].join("\n");

/** `$1` user, `$2` file of the note: what there is to say about the password, then the note. */
export const READ_PASSWORD = `${TELL}\n[ ! -e "$2" ] || cat "$2"`;

/**
 * `$1` user, then options of chpasswd; `user:password` on standard input. Says what there is to say about the new
 * one.
 */
export const SET_PASSWORD = [
  SBIN,
  `command -v chpasswd >/dev/null 2>&1 || exit ${EXIT.noTool}`,
  'user=$1; shift; chpasswd "$@" || exit 1',
  `set -- "$user"; ${TELL}`,
].join("\n");
