/** What is run on the node, as scripts for any POSIX shell, as root. */

const PATHS = "export LC_ALL=C PATH=$PATH:/usr/local/sbin:/usr/sbin:/sbin; cd /";

/** Exit codes that mean something by themselves. */
export const EXIT = { noIp: 44, cut: 47 } as const;

/**
 * `$1` bridge, `$2` VXLAN device, `$3` script, `$4` unit file, `$5` name of the unit, `$6` linux or ovs: everything
 * that there is to see, in sections.
 */
export const LOOK = [
  PATHS,
  `command -v ip >/dev/null 2>&1 || exit ${EXIT.noIp}`,
  "echo '== links'; ip -j -d addr show || exit 1",
  'if [ "$6" = linux ]; then',
  `  command -v bridge >/dev/null 2>&1 || exit ${EXIT.noIp}`,
  "  echo '== fdb'; bridge -j fdb show dev \"$2\" 2>/dev/null || :",
  "elif command -v ovs-vsctl >/dev/null 2>&1; then",
  "  echo '== ovs'; echo there",
  '  if said=$(ovs-vsctl --timeout=20 br-exists "$1" 2>&1); then',
  "    echo '== owner'; echo there; ovs-vsctl --timeout=20 br-get-external-id \"$1\" labplan",
  "    echo '== names'; ovs-vsctl --timeout=20 list-ports \"$1\" || exit 1",
  "    echo '== ports'; ovs-vsctl --timeout=20 --format=json --columns=name,type,options list interface || exit 1",
  "    echo '== protected'; ovs-vsctl --timeout=20 --format=json --columns=name,protected list port || exit 1",
  "  else",
  // 2 is "no"; anything else is no answer.
  "    [ $? -eq 2 ] || { echo '== silent'; echo \"$said\"; }",
  "  fi",
  "fi",
  "if command -v systemctl >/dev/null 2>&1; then",
  "  echo '== enabled'; systemctl is-enabled \"$5\" 2>/dev/null || :",
  "fi",
  "echo '== unit'; cat \"$4\" 2>/dev/null; echo",
  "echo '== script'; cat \"$3\" 2>/dev/null; echo",
].join("\n");

/** `$1` file, `$2` bytes, `$3` rights: takes its place as a whole, or not at all. */
export const WRITE = [
  'umask 022; f=$1; t=$f.labplan-part; mkdir -p "$(dirname "$f")" || exit 1',
  'rm -f "$t"; cat > "$t" && chmod "$3" "$t" || { rm -f "$t"; exit 1; }',
  `[ "$(wc -c < "$t")" -eq "$2" ] || { rm -f "$t"; exit ${EXIT.cut}; }`,
  'mv -f "$t" "$f"',
].join("\n");

/** `$1` the script, which is run as a boot would. */
export const RUN = `${PATHS}\nexec /bin/sh "$1" </dev/null`;

/** `$1` unit. */
export const ENABLE = `${PATHS}\nsystemctl daemon-reload || exit 1\nsystemctl enable "$1"`;

/** `$1` unit, `$2` its file. Gone is success. */
export const REMOVE_UNIT = [
  PATHS,
  '[ -e "$2" ] || exit 0',
  'if command -v systemctl >/dev/null 2>&1; then systemctl disable "$1" >/dev/null 2>&1 || :; fi',
  'rm -f "$2" "/etc/systemd/system/multi-user.target.wants/$1" || exit 1',
  "if command -v systemctl >/dev/null 2>&1; then systemctl daemon-reload >/dev/null 2>&1 || :; fi",
].join("\n");

/** Devices, one a word. Gone is success. */
export const REMOVE_LINKS = [
  PATHS,
  'for each in "$@"; do',
  '  ip link show dev "$each" >/dev/null 2>&1 || continue',
  '  ip link del dev "$each" || exit 1',
  "done",
].join("\n");

/** `$1` bridge of Open vSwitch. Out of the database it goes also where the daemon that would hear of it does not run. */
export const REMOVE_OVS = [
  PATHS,
  'ovs-vsctl --timeout=20 --if-exists del-br "$1" 2>/dev/null || ovs-vsctl --no-wait --timeout=20 --if-exists del-br "$1"',
].join("\n");

/** `$1` address, `$2` bridge. */
export const REMOVE_ADDRESS = `${PATHS}\nip addr del "$1" dev "$2" 2>/dev/null || :`;

/** `$1` script. Its folders go with the last of what is in them. */
export const REMOVE_SCRIPT = 'rm -f "$1" && { rmdir /etc/labplan/overlay /etc/labplan 2>/dev/null || :; }';
