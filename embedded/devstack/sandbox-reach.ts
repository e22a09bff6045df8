import { BlockList, isIPv6 } from "node:net";
import { EVERYTHING, type Link, type Said, type SandboxLinks, said } from "./sandbox-links";

/** A running sandbox among the others. */
export interface Neighbour {
  /** In names of faults. */
  name: string;
  /** All that it answers at on the underlay. */
  addresses: readonly string[];
  links: SandboxLinks;
}

/** Bytes of IPv4's and ICMP's heads. */
const HEADS = 28;
const UNDERLAY_MTU = 1_500;

export interface Way {
  to: Neighbour;
  /** Largest packet that comes through; what is larger is lost. */
  mtu: number;
  /** Of our own device: what is larger, and must not be cut, does not even leave. */
  ownMtu: number;
}

/** Whether something between two machines is broken by script. */
export type IsCut = (from: Neighbour, to: Neighbour) => boolean;

/** How packets come from a sandbox to an address: its own, on the underlay, or through the overlay that was set up. */
export function wayTo(
  from: Neighbour,
  address: string,
  all: readonly Neighbour[],
  isCut: IsCut,
): Way | undefined {
  const owns = (one: Neighbour): boolean =>
    one.addresses.includes(address) || one.links.links.some((link) => link.up && has(link, address));
  if (owns(from)) return { to: from, mtu: 65_535, ownMtu: 65_535 };
  const near = all.find((one) => one !== from && one.addresses.includes(address));
  if (near) return isCut(from, near) ? undefined : { to: near, mtu: UNDERLAY_MTU, ownMtu: UNDERLAY_MTU };
  for (const bridge of from.links.links.filter(
    (link) => link.kind === "bridge" && link.up && isIn(link, address),
  )) {
    const ownMtu = bridge.mtu;
    const hops = tunnels(from, bridge, all, isCut);
    for (const hop of hops) {
      if (has(hop.bridge, address) && answers(hop, from, all, isCut))
        return { to: hop.to, mtu: hop.mtu, ownMtu };
      // Through the hub of a star, which passes on what came from a spoke.
      if (!hop.port.hairpin) continue;
      for (const next of tunnels(hop.to, hop.bridge, all, isCut)) {
        if (next.to === from || !has(next.bridge, address) || !answers(next, hop.to, all, isCut)) continue;
        return { to: next.to, mtu: Math.min(hop.mtu, next.mtu), ownMtu };
      }
    }
  }
  return undefined;
}

interface Hop {
  to: Neighbour;
  bridge: Link;
  /** The device that it comes in by. */
  port: Link;
  mtu: number;
}

/** Where the VXLAN devices of a bridge lead: the other end listens there with the same identifier and port. */
function tunnels(from: Neighbour, bridge: Link, all: readonly Neighbour[], isCut: IsCut): Hop[] {
  const own = from.links.links.filter((link) => link.vxlan && link.up && link.master === bridge.name);
  return own.flatMap((device) =>
    device.fdb
      .filter(({ mac }) => mac === EVERYTHING)
      .flatMap(({ dst }) => {
        const to = all.find((one) => one !== from && one.addresses.includes(dst));
        if (!to || isCut(from, to) || !device.vxlan) return [];
        const { id, port, local } = device.vxlan;
        if (!from.addresses.includes(local)) return [];
        const there = to.links.links.find(
          ({ vxlan, up }) => up && vxlan?.id === id && vxlan.port === port && vxlan.local === dst,
        );
        const on = to.links.find(there?.master);
        if (!there || !on?.up) return [];
        const overhead = isIPv6(dst) ? 70 : 50;
        const mtu = Math.min(bridge.mtu, device.mtu, there.mtu, on.mtu, UNDERLAY_MTU - overhead);
        return [{ to, bridge: on, port: there, mtu }];
      }),
  );
}

/** The way back. */
const answers = (hop: Hop, back: Neighbour, all: readonly Neighbour[], isCut: IsCut): boolean =>
  tunnels(hop.to, hop.bridge, all, isCut).some((one) => one.to === back);

const has = (link: Link, address: string): boolean => link.addresses.some((one) => one.local === address);

function isIn(link: Link, address: string): boolean {
  const family = isIPv6(address) ? "ipv6" : "ipv4";
  return link.addresses.some(({ local, prefix }) => {
    if (isIPv6(local) !== isIPv6(address)) return false;
    const list = new BlockList();
    list.addSubnet(local, prefix, family);
    return list.check(address, family);
  });
}

/** `ping …`, as iputils has it. `way` says how to an address; `true` for one that answers by itself. */
export function ping(words: readonly string[], way: (address: string) => Way | true | undefined): Said {
  if (words.includes("-V")) return said("ping from iputils 20221126\n");
  let size = 56;
  let whole = false;
  let count = 1;
  let address = "";
  for (let at = 0; at < words.length; at++) {
    const word = words[at] ?? "";
    const value = words[at + 1] ?? "";
    if (word === "-s") size = Number(value);
    if (word === "-c") count = Number(value);
    if (word === "-M") whole = value === "do" || value === "probe";
    if (["-s", "-c", "-M", "-W", "-w", "-I", "-i", "-t"].includes(word)) at++;
    else if (!word.startsWith("-")) address = word;
  }
  if (address === "") return said("ping: usage error: Destination address required\n", 1);
  const found = way(address);
  const head = `PING ${address} (${address}) ${size}(${size + HEADS}) bytes of data.\n`;
  const stats = (received: number, more = ""): string =>
    `\n--- ${address} ping statistics ---\n${count} packets transmitted, ${received} received, ${more}${received ? "0" : "100"}% packet loss, time 0ms\n`;
  const bytes = size + HEADS;
  if (found !== true && whole && found && bytes > found.ownMtu)
    return said(
      `${head}ping: local error: message too long, mtu=${found.ownMtu}\n${stats(0, `+${count} errors, `)}`,
      1,
    );
  if (found === undefined || (found !== true && whole && bytes > found.mtu))
    return said(`${head}${stats(0)}`, 1);
  const lines = Array.from(
    { length: count },
    (_, at) => `${size + 8} bytes from ${address}: icmp_seq=${at + 1} ttl=64 time=0.050 ms\n`,
  );
  return said(`${head}${lines.join("")}${stats(count)}rtt min/avg/max/mdev = 0.050/0.050/0.050/0.000 ms\n`);
}
