import type { ConfigPath, DevstackConfig } from "../config/types";
import type { Context } from "./context";
import type { LayoutFacts, NodeFacts } from "./devstack-layout";
import type { MachineFacts } from "./machines";
import { own } from "./stable";

/** The network that the nodes talk over, or that carries their overlay. */
export interface Underlay {
  /** Logical name; empty for the site's own network. */
  network: string;
  /** Node → address. */
  addresses: Map<string, string>;
  mtu: number;
}

/** Hosts of bare metal, and machines on a bridge of their host, are on a network that nobody declared. */
const SITE = "";
const ETHERNET_MTU = 1500;

/** One network that all nodes have a planned address on; undefined after a problem, or for a node alone that has none. */
export function planUnderlay(
  context: Context,
  devstack: DevstackConfig,
  { nodes }: LayoutFacts,
): Underlay | undefined {
  const wanted = devstack.overlay?.network;
  const byNode = nodes.map((node) => ({ node, addresses: addressesOf(node) }));
  const candidates = wanted === undefined ? commonOrder(byNode[0]?.addresses) : [wanted];
  for (const network of candidates) {
    const found = byNode.flatMap(({ node, addresses }): [string, string][] => {
      const address = addresses.get(network);
      return address === undefined ? [] : [[node.logical, address]];
    });
    if (found.length === nodes.length)
      return {
        network,
        addresses: new Map(found),
        mtu: own(context.config.networks, network)?.mtu ?? ETHERNET_MTU,
      };
  }
  if (nodes.length > 1 || devstack.overlay) tellMissing(context, wanted, byNode);
  return undefined;
}

/** Declared networks by name, then the site's own. */
const commonOrder = (addresses: ReadonlyMap<string, string> | undefined): string[] =>
  [...(addresses?.keys() ?? [])].sort((a, b) => (a === SITE ? 1 : b === SITE ? -1 : a < b ? -1 : 1));

/** Planned addresses of a node by network, the first card of each. */
function addressesOf({ machine }: NodeFacts): Map<string, string> {
  const addresses = new Map<string, string>();
  const add = (network: string, address: string | undefined) => {
    if (address !== undefined && !addresses.has(network)) addresses.set(network, address);
  };
  if (isVirtual(machine))
    for (const { network, config, ip } of machine.nics)
      if (network) add(network.logical, ip);
      else if (config.bridge !== undefined) add(SITE, ip);
  if (!isVirtual(machine)) add(SITE, machine.config.address);
  return addresses;
}

const isVirtual = (machine: NodeFacts["machine"]): machine is MachineFacts => "hypervisor" in machine;

function tellMissing(
  { problems }: Context,
  wanted: string | undefined,
  byNode: readonly { node: NodeFacts; addresses: ReadonlyMap<string, string> }[],
): void {
  if (wanted !== undefined) {
    const without = byNode.filter(({ addresses }) => !addresses.has(wanted)).map(({ node }) => node.logical);
    problems.add(
      ["devstack", "overlay", "network"],
      `${listed(without)} ${without.length === 1 ? "has" : "have"} no planned address on network "${wanted}". Put ${without.length === 1 ? "it" : "them"} on it, or name another.`,
    );
    return;
  }
  const path: ConfigPath = ["devstack", "layout"];
  const bare = byNode.filter(({ addresses }) => addresses.size === 0).map(({ node }) => node.logical);
  if (bare.length > 0)
    problems.add(
      path,
      `${listed(bare)} ${bare.length === 1 ? "has" : "have"} no planned address, and the nodes talk to each other. Put ${bare.length === 1 ? "it" : "them"} on a network with a cidr, or give \`ip\` or \`address\`.`,
    );
  else
    problems.add(
      path,
      `the nodes have no network in common: ${byNode
        .map(
          ({ node, addresses }) => `${node.logical} is on ${[...addresses.keys()].map(nameOf).join(" and ")}`,
        )
        .slice(0, 8)
        .join(", ")}. Put all of them on one.`,
    );
}

const nameOf = (network: string): string => (network === SITE ? "the site's own" : `"${network}"`);

const listed = (names: readonly string[]): string => {
  const shown = names.length > 8 ? [...names.slice(0, 8), `${names.length - 8} more`] : names;
  return shown.length < 2 ? shown.join("") : `${shown.slice(0, -1).join(", ")} and ${shown.at(-1)}`;
};
