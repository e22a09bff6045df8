/** Exit code where there is no ping of iputils: others cannot forbid that packets are cut in pieces. */
export const NO_PING = 44;

/**
 * `$1` pings at once, then `address,bytes` each: says for each its address, the exit code of a small ping, that of
 * one of so many bytes which must stay whole, and what they said, as one line. A first packet may get lost while a
 * neighbour is looked up, so what failed is tried once more. `-M probe` forbids cutting as `-M do` does, and does not
 * ask what the kernel has learned of a path within the last 10 minutes, which may have been mended since; where ping
 * has no such option (iputils before 2024), what was learned is forgotten first.
 */
export const PING = [
  "export LC_ALL=C PATH=$PATH:/usr/sbin:/sbin; cd /",
  `command -v ping >/dev/null 2>&1 && ping -V 2>&1 | grep -qi iputils || exit ${NO_PING}`,
  "limit=$1; shift; whole=probe",
  "if ping -n -c 1 -W 1 -M probe 127.0.0.1 2>&1 | grep -qi 'invalid -M'; then",
  "  whole=do",
  '  for family in -4 -6; do ip "$family" route flush cache || sudo -n ip "$family" route flush cache || :; done >/dev/null 2>&1',
  "fi",
  "try() {",
  '  said=$(ping -n -c 1 -W 2 "$@" 2>&1) && return',
  '  said=$(ping -n -c 1 -W 2 "$@" 2>&1)',
  "}",
  "one() {",
  '  address=$(echo "$1" | cut -d, -f1); size=$(echo "$1" | cut -d, -f2)',
  "  small=0; full=1; text=",
  '  try -s 56 "$address" || { small=$?; text=$said; }',
  '  if [ "$small" -eq 0 ]; then full=0; try -M "$whole" -s "$size" "$address" || { full=$?; text=$said; }; fi',
  `  printf '%s %s %s %s\\n' "$address" "$small" "$full" "$(printf '%s' "$text" | tr '\\n' '|')"`,
  "}",
  "running=0",
  'for each in "$@"; do',
  '  one "$each" </dev/null &',
  "  running=$((running + 1))",
  '  if [ "$running" -ge "$limit" ]; then wait; running=0; fi',
  "done",
  "wait",
].join("\n");
