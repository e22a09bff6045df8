import type { EndpointInputs } from "../../providers/overlay/types";
import type { ConfigPath, DevstackConfig, DevstackOverlay } from "../config/types";
import { type Context, originOf } from "./context";
import type { LayoutFacts, NodeFacts } from "./devstack-layout";
import type { Underlay } from "./devstack-network";
import { vniOf } from "./identity";
import {
  type Cidr,
  formatCidr,
  formatIpv4,
  isHostOf,
  overlaps,
  parseCidr,
  parseIpv4,
  unusable,
} from "./ipv4";
import { naturally } from "./names";
import type { NetworkFacts } from "./networks";
import { own } from "./stable";

/** The section has one layout, and this is its name in the lock file and of what is one per layout. */
export const LAYOUT = "devstack";

export interface OverlayFacts {
  topology: "mesh" | "star";
  bridge: EndpointInputs["bridge"];
  device: string;
  vni: number;
  /** It is ours, and kept in the lock file. */
  vniAllocated: boolean;
  port: number;
  mtu: number;
  cidr: Cidr;
  /** Node → address. */
  addresses: Map<string, string>;
}

const CIDR = "172.24.4.0/23";
const DEVICE = "br-overlay";
const PORT = 4789;
/** Outer Ethernet, IP, UDP and VXLAN headers (RFC 7348). */
const OVER_IPV4 = 50;
const OVER_IPV6 = 70;
/** IPv6 needs as much of every link (RFC 8200). */
const LEAST_MTU = 1280;

/** The overlay with all its facts; undefined where there is none, and after a problem. */
export function planOverlay(
  context: Context,
  { overlay, packages = [] }: DevstackConfig,
  layout: LayoutFacts,
  underlay: Underlay | undefined,
  networks: ReadonlyMap<string, NetworkFacts>,
): OverlayFacts | undefined {
  if (!overlay) return undefined;
  if (layout.nodes.length === 1)
    context.problems.add(
      ["devstack", "overlay"],
      "an overlay joins nodes, and the layout has one alone. Take it out.",
    );
  if (overlay.bridge === "ovs" && !packages.some((name) => name.includes("openvswitch")))
    context.notes.push(
      "devstack.overlay: the nodes need Open vSwitch before devstack installs it. Where their image has none, add it: `packages: [openvswitch-switch]` (openvswitch on RPM distributions).",
    );
  if (overlay.bridge === "ovs")
    context.notes.push(
      "devstack.overlay: where neutron uses Open vSwitch (OVN, devstack's default), stack.sh restarts it, and unstack.sh stops and disables it and deletes the datapaths of all bridges, this overlay's with them: a node that is stacked anew loses its way to the others. `bridge: linux` is left alone.",
    );
  const cidr = checkCidr(context, overlay, layout.nodes, networks);
  const mtu = underlay && mtuOf(context, overlay, underlay);
  if (!cidr || mtu === undefined) return undefined;
  const addresses = allocate(context, cidr, layout.nodes);
  return {
    topology: overlay.topology ?? "mesh",
    bridge: overlay.bridge ?? "linux",
    device: overlay.device ?? DEVICE,
    ...vniFor(context, overlay),
    port: overlay.port ?? PORT,
    mtu,
    cidr,
    addresses,
  };
}

function checkCidr(
  { problems }: Context,
  overlay: DevstackOverlay,
  nodes: readonly NodeFacts[],
  networks: ReadonlyMap<string, NetworkFacts>,
): Cidr | undefined {
  const text = overlay.cidr ?? CIDR;
  const path: ConfigPath = ["devstack", "overlay", ...(overlay.cidr === undefined ? [] : ["cidr"])];
  const cidr = parseCidr(text);
  const add = (message: string): undefined => problems.add(path, message) as undefined;
  if (!cidr) return add(`${text} is no IPv4 network. Write one like ${CIDR}.`);
  const bad = unusable(cidr);
  if (bad) return add(`${text} is not possible: ${bad}. Choose another.`);
  if (cidr.broadcast - cidr.network - 1 < nodes.length)
    return add(`${text} has no room for ${nodes.length} nodes. Widen it.`);
  for (const network of networks.values())
    if (network.cidr && overlaps(network.cidr, cidr))
      return add(
        `${text} overlaps ${formatCidr(network.cidr)} of network "${network.logical}", and a node could not tell them apart. Choose another \`cidr\` for the overlay.`,
      );
  return cidr;
}

function mtuOf({ problems }: Context, overlay: DevstackOverlay, underlay: Underlay): number | undefined {
  const path = ["devstack", "overlay"];
  const carried = overlay.underlayMtu ?? underlay.mtu;
  if (carried > underlay.mtu && underlay.mtu !== 1500) {
    problems.add(
      [...path, "underlayMtu"],
      `network "${underlay.network}" carries ${underlay.mtu} bytes, and not ${carried}. Take \`underlayMtu\` out, or raise that network's \`mtu\`.`,
    );
    return undefined;
  }
  const isIpv6 = [...underlay.addresses.values()].some((address) => address.includes(":"));
  const mtu = carried - (isIpv6 ? OVER_IPV6 : OVER_IPV4);
  if (mtu >= LEAST_MTU) return mtu;
  problems.add(
    [...path, ...(overlay.underlayMtu === undefined ? [] : ["underlayMtu"])],
    `of ${carried} bytes ${mtu} are left in the overlay, and IPv6 needs ${LEAST_MTU}. Let the network between the nodes carry at least ${LEAST_MTU + (isIpv6 ? OVER_IPV6 : OVER_IPV4)}.`,
  );
  return undefined;
}

/** As given, else as in the lock file, else hashed: no other of this stack can have it. */
function vniFor(context: Context, overlay: DevstackOverlay): Pick<OverlayFacts, "vni" | "vniAllocated"> {
  if (overlay.vni !== undefined) return { vni: overlay.vni, vniAllocated: false };
  const locked = own(context.lock.vnis, LAYOUT);
  return {
    vni: locked === undefined ? vniOf(originOf(context, "", "overlay", LAYOUT)) : Number(locked),
    vniAllocated: true,
  };
}

/** Those of the lock file first, then the next free ones, so that nothing that happens to one node moves another. */
function allocate({ lock, problems }: Context, cidr: Cidr, nodes: readonly NodeFacts[]): Map<string, string> {
  const known = own(lock.overlays, LAYOUT);
  const addresses = new Map<string, string>();
  const taken = new Map<number, string>();
  const open: NodeFacts[] = [];
  for (const node of nodes) {
    const locked = parseIpv4(own(known, node.machine.source) ?? "");
    if (locked === undefined || !isHostOf(cidr, locked)) {
      open.push(node);
      continue;
    }
    const holder = taken.get(locked);
    if (holder !== undefined)
      problems.add(
        node.path,
        `the lock file gives ${formatIpv4(locked)} in the overlay to ${holder} too (were two branches merged?). Delete one of the two lines.`,
      );
    taken.set(locked, node.logical);
    addresses.set(node.logical, formatIpv4(locked));
  }
  let next = cidr.network + 1;
  // By name and not by the layout's order, which may change.
  for (const node of open.sort((a, b) => naturally(a.logical, b.logical))) {
    while (taken.has(next)) next++;
    taken.set(next, node.logical);
    addresses.set(node.logical, formatIpv4(next));
  }
  return addresses;
}

/** Which nodes packets of this one go to directly: all others, or in a star the hub alone. */
export function peersInOverlay(
  { topology }: Pick<OverlayFacts, "topology">,
  { nodes, controller }: LayoutFacts,
  node: NodeFacts,
): NodeFacts[] {
  const others = nodes.filter((other) => other !== node);
  return topology === "mesh" || node === controller ? others : [controller];
}
