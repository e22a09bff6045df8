import type { Mark } from "../core/definition";
import {
  aliasOf,
  canonical,
  macOf,
  ownerOf,
  PORT_PREFIX,
  portName,
  scriptPath,
  unitName,
  vxlanName,
} from "./endpoint.names";
import type { EndpointInputs } from "./types";

/** The first words of the line that says whose a file is. */
const OWNER = "# labplan overlay of ";

/** Exit code of the script where a device of its name is somebody else's. */
export const FOREIGN = 43;

/**
 * What makes this end of the overlay, and brings it back at each boot: everything may be there already, half of it,
 * or nothing.
 */
export function renderScript(inputs: EndpointInputs, mark: Mark): string {
  const { device, vni, port, mtu, address, forwards = false, bridge } = inputs;
  const peers = peersOf(inputs);
  const settings: Record<string, string> = {
    bridge: device,
    owner: ownerOf(mark),
    alias: aliasOf(mark),
    mac: macOf(mark, device),
    vni: `${vni}`,
    port: `${port}`,
    mtu: `${mtu}`,
    local: canonical(inputs.local),
    address,
    forwards: forwards ? "on" : "off",
    ...(bridge === "linux"
      ? // A spoke hears its own broadcasts again, from the hub: its bridge must not look for itself out there.
        {
          vxlan: vxlanName(inputs),
          learning: forwards || peers.length > 1 ? "on" : "off",
          peers: peers.join(" "),
        }
      : { peers: peers.map((peer) => `${portName(device, peer)},${peer}`).join(" ") }),
  };
  return `${[
    "#!/bin/sh",
    `${OWNER}${ownerOf(mark)}`,
    `# Makes the overlay "${device}"; ${unitName(device)} runs it at each boot. Edits are overwritten.`,
    ...Object.entries(settings).map(([name, value]) => `${name}='${value}'`),
    ...COMMON,
    ...(bridge === "linux" ? LINUX : OVS),
    ...ADDRESS,
  ].join("\n")}\n`;
}

/** Sorted, so that the same peers make the same text. */
const peersOf = ({ peers }: EndpointInputs): string[] =>
  Object.values(peers)
    .map(({ underlay }) => canonical(underlay))
    .sort();

/** Whose a script or a unit is; undefined for a file of somebody else's. */
export const ownerIn = (text: string): string | undefined =>
  text
    .split("\n", 3)
    .find((line) => line.startsWith(OWNER))
    ?.slice(OWNER.length);

/** The value of a setting in a script. */
export const settingIn = (text: string, name: string): string | undefined =>
  text
    .split("\n")
    .find((line) => line.startsWith(`${name}='`))
    ?.slice(name.length + 2, -1);

/** What systemd runs at each boot, once there are addresses. */
export const renderUnit = (device: string, mark: Mark): string =>
  [
    `${OWNER}${ownerOf(mark)}`,
    "[Unit]",
    `Description=labplan overlay ${device}`,
    "Wants=network-online.target",
    "After=network-online.target openvswitch-switch.service openvswitch.service",
    "",
    "[Service]",
    "Type=oneshot",
    `ExecStart=/bin/sh ${scriptPath(device)}`,
    "",
    "[Install]",
    "WantedBy=multi-user.target",
    "",
  ].join("\n");

const COMMON = [
  "set -eu",
  "PATH=$PATH:/usr/local/sbin:/usr/sbin:/sbin LC_ALL=C",
  "export PATH LC_ALL",
  `foreign() { echo "$1 is there already, and is not ours" >&2; exit ${FOREIGN}; }`,
  'within() { case " $2 " in *" $1 "*) ;; *) return 1 ;; esac; }',
];

const LINUX = [
  'exists() { ip link show dev "$1" >/dev/null 2>&1; }',
  `is_ours() { ip link show dev "$1" | grep -qxF "    alias $alias"; }`,
  // The alias cannot be set while the device is made: one without any is from a run that was stopped just there.
  "claim() {",
  `  ip link show dev "$1" | grep -q '^    alias ' || ip link set dev "$1" alias "$alias"`,
  '  is_ours "$1" || foreign "$1"',
  "}",
  'exists "$bridge" || ip link add name "$bridge" type bridge',
  'claim "$bridge"',
  // The VXLAN device of another network identifier.
  `for each in $(ip -o link show master "$bridge" | sed -n 's/^[0-9]*: \\([^:@]*\\).*/\\1/p'); do`,
  '  [ "$each" = "$vxlan" ] || ! is_ours "$each" || ip link del dev "$each"',
  "done",
  // Otherwise what is too large for the underlay would be cut in pieces there, and nobody would see it.
  'case $local in *:*) df=" " ;; *) df=" df set " ;; esac',
  'if exists "$vxlan"; then',
  '  claim "$vxlan"',
  '  case "$(ip -d link show dev "$vxlan") " in',
  '  *"vxlan id $vni local $local "*" dstport $port "*"$df"*) ;;',
  '  *) ip link del dev "$vxlan" ;;',
  "  esac",
  "fi",
  "# shellcheck disable=SC2086",
  'exists "$vxlan" || ip link add name "$vxlan" type vxlan id "$vni" dstport "$port" local "$local" $df',
  'claim "$vxlan"',
  'ip link set dev "$vxlan" mtu "$mtu"',
  'ip link set dev "$vxlan" master "$bridge"',
  'bridge link set dev "$vxlan" hairpin "$forwards" learning "$learning"',
  'ip link set dev "$bridge" address "$mac"',
  'ip link set dev "$bridge" mtu "$mtu"',
  'ip link set dev "$vxlan" up',
  // What nobody knows the place of goes to every peer.
  "all=00:00:00:00:00:00",
  `there=$(bridge fdb show dev "$vxlan" | sed -n "s/^$all dst \\([^ ]*\\).*/\\1/p" | tr '\\n' ' ')`,
  "for peer in $peers; do",
  '  within "$peer" "$there" || bridge fdb append "$all" dev "$vxlan" dst "$peer"',
  "done",
  // What was learned of a peer goes with it.
  `bridge fdb show dev "$vxlan" | sed -n 's/^\\([0-9a-f:]*\\) dst \\([^ ]*\\).*/\\1 \\2/p' | while read -r learned peer; do`,
  '  within "$peer" "$peers" || bridge fdb del "$learned" dev "$vxlan" dst "$peer"',
  "done",
];

const OVS = [
  'vs() { ovs-vsctl --timeout=20 "$@"; }',
  'if vs br-exists "$bridge"; then',
  `  [ "$(vs br-get-external-id "$bridge" labplan)" = "$owner" ] || foreign "$bridge"`,
  "else",
  '  vs add-br "$bridge" -- br-set-external-id "$bridge" labplan "$owner"',
  "fi",
  'vs set bridge "$bridge" "other-config:hwaddr=\\"$mac\\""',
  "names=$(echo \"$peers\" | sed 's/,[^ ]*//g')",
  'for each in $(vs list-ports "$bridge"); do',
  `  case $each in ${PORT_PREFIX}*) within "$each" "$names" || vs del-port "$bridge" "$each" ;; esac`,
  "done",
  // Packets that came from a peer go to no other one, as everybody has them already; but the hub passes them on.
  'if [ "$forwards" = on ]; then protected=false; else protected=true; fi',
  "echo \"$peers\" | tr ' ' '\\n' | while IFS=, read -r name remote; do",
  '  [ "$name" ] || continue',
  '  vs --may-exist add-port "$bridge" "$name" -- set port "$name" "protected=$protected" -- \\',
  '    set interface "$name" type=vxlan "options:remote_ip=\\"$remote\\"" "options:local_ip=\\"$local\\"" \\',
  '    "options:key=$vni" "options:dst_port=$port" </dev/null',
  "done",
  'vs set interface "$bridge" "mtu_request=$mtu"',
];

const ADDRESS = ['ip link set dev "$bridge" up', 'ip addr replace "$address" dev "$bridge"'];
