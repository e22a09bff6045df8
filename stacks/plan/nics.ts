import { suggest } from "../config/suggest";
import type { NicConfig } from "../config/types";
import { type AddressRequest, allocateAddresses } from "./addresses";
import { type Context, originOf } from "./context";
import { assignMacs, badMac, type MacRequest } from "./identity";
import { formatCidr, formatIpv4, isHostOf, parseIpv4 } from "./ipv4";
import type { MachineFacts } from "./machines";
import { badBridgeName, naturally } from "./names";
import type { NetworkFacts } from "./networks";
import { checkCardCount, checkNic } from "./nic-fields";
import { own, sortedKeys } from "./stable";

/** A network card with all its facts. */
export interface NicFacts {
  /** Position in the config. */
  index: number;
  /** Which card of the machine: its network or bridge, with `#2` for a second one there. Also its key in the lock file. */
  card: string;
  config: NicConfig;
  network?: NetworkFacts;
  mac: string;
  /** The MAC is ours, and kept in the lock file. */
  macAllocated: boolean;
  ip?: string;
  /** The address is ours, and kept in the lock file. */
  ipAllocated: boolean;
}

/** Fill in the cards of all machines: MACs first, then the addresses of each network. */
export function planNics(
  context: Context,
  networks: ReadonlyMap<string, NetworkFacts>,
  machines: readonly MachineFacts[],
): void {
  const ordered = [...machines].sort((a, b) => naturally(a.logical, b.logical));
  const requests: MacRequest[] = [];
  const pending: { machine: MachineFacts; nic: NicFacts; request: MacRequest }[] = [];
  for (const machine of ordered) {
    const seen = new Map<string, number>();
    checkCardCount(context, machine.logical, machine.config.networks?.length ?? 0, machine.hypervisor);
    for (const [index, config] of (machine.config.networks ?? []).entries()) {
      checkNic(context, machine.logical, index, config, machine.hypervisor);
      const network = findNetwork(context, networks, machine, index, config);
      const request = macRequest(context, machine, config, network, seen);
      const nic: NicFacts = {
        index,
        card: request.key.slice(machine.logical.length + 1),
        config,
        ...(network ? { network } : {}),
        mac: "",
        macAllocated: config.mac === undefined,
        ipAllocated: false,
      };
      checkMac(context, machine, nic);
      machine.nics.push(nic);
      pending.push({ machine, nic, request });
      requests.push(request);
    }
  }
  // In the order of their keys, not of the config: a new order of a machine's cards must change nothing.
  requests.sort((a, b) => naturally(a.key, b.key));
  const macs = assignMacs(requests);
  for (const { nic, request } of pending) nic.mac = macs.get(request.key) ?? "";

  const byNetwork = new Map<string, AddressRequest[]>();
  for (const { machine, nic } of pending) {
    const request = addressRequest(context, machine, nic);
    if (!request || !nic.network) continue;
    const list = byNetwork.get(nic.network.logical) ?? [];
    list.push(request);
    byNetwork.set(nic.network.logical, list);
  }
  for (const logical of sortedKeys(Object.fromEntries(byNetwork))) {
    const network = networks.get(logical);
    if (network) allocateAddresses(context, network, byNetwork.get(logical) ?? []);
  }
}

function findNetwork(
  { config, problems }: Context,
  networks: ReadonlyMap<string, NetworkFacts>,
  machine: MachineFacts,
  index: number,
  nic: NicConfig,
): NetworkFacts | undefined {
  const who = machine.logical;
  const path = ["machines", who, "networks", index];
  if ([nic.network, nic.bridge, nic.type].filter((one) => one !== undefined).length !== 1) {
    problems.add(
      path,
      `a network card is on a declared network or on a bridge of the host, or of a type of VirtualBox's. Give exactly one of \`network\`, \`bridge\` and \`type\`.`,
    );
    return undefined;
  }
  if (nic.type !== undefined) return undefined;
  if (nic.bridge !== undefined) {
    // To VirtualBox it is any card of the host, and those have names like "en0: Wi-Fi" elsewhere.
    const bad = machine.hypervisor === "libvirt" ? badBridgeName(nic.bridge) : undefined;
    if (bad)
      problems.add(
        [...path, "bridge"],
        `bridge "${nic.bridge}" cannot be: ${bad}. Name a bridge of the host.`,
      );
    return undefined;
  }
  const name = nic.network ?? "";
  const declared = own(config.networks, name);
  if (!declared) {
    problems.add(
      [...path, "network"],
      `no network "${name}" is declared${suggest(name, sortedKeys(config.networks))}`,
    );
    return undefined;
  }
  const network = networks.get(name);
  if (network && network.place !== machine.place) {
    problems.add(
      [...path, "network"],
      `${who} is on backend "${machine.config.backend}", its network "${name}" on "${declared.backend}". Put both on one backend, or join it by a bridge of the host.`,
    );
    return undefined;
  }
  return network;
}

function macRequest(
  context: Context,
  machine: MachineFacts,
  config: NicConfig,
  network: NetworkFacts | undefined,
  seen: Map<string, number>,
): MacRequest {
  const base = cardOf(config);
  const count = (seen.get(base) ?? 0) + 1;
  seen.set(base, count);
  const suffix = count === 1 ? "" : `#${count}`;
  const lockedOf = own(context.lock.macs, machine.source);
  const given = config.mac?.toLowerCase();
  const moved = network ? `${network.source}${suffix}` : `${base}${suffix}`;
  return {
    key: `${machine.logical} ${base}${suffix}`,
    origin: originOf(context, machine.config.backend, "machine", machine.seed),
    card: network ? `${network.seed}${suffix}` : `${base}${suffix}`,
    given: given !== undefined && badMac(given) === undefined ? given : undefined,
    locked: own(lockedOf, `${base}${suffix}`) ?? own(lockedOf, moved),
  };
}

/** Where a card is, in a word: a colon is in no network's name. */
function cardOf({ network, bridge, type, attachment }: NicConfig): string {
  if (network !== undefined) return network;
  if (bridge !== undefined) return `bridge:${bridge}`;
  return attachment === undefined ? `type:${type}` : `type:${type}:${attachment}`;
}

function checkMac({ problems }: Context, { logical }: MachineFacts, { config, index }: NicFacts): void {
  const bad = config.mac === undefined ? undefined : badMac(config.mac);
  if (bad)
    problems.add(
      ["machines", logical, "networks", index, "mac"],
      `MAC address "${config.mac}": ${bad}. Leave it out for a planned one.`,
    );
}

/** What the card wants of its network's addresses; undefined where it gets none, and after a problem. */
function addressRequest(context: Context, machine: MachineFacts, nic: NicFacts): AddressRequest | undefined {
  const { config, network, index } = nic;
  const who = machine.logical;
  const path = ["machines", who, "networks", index, "ip"];
  if (config.ip === undefined)
    return network?.dhcp || network?.hypervisor === "openstack"
      ? { machine, nic, path: path.slice(0, -1), key: addressKey(machine.logical, nic) }
      : undefined;
  if (config.ip === false) return undefined;
  const address = parseIpv4(config.ip);
  if (address === undefined) {
    context.problems.add(
      path,
      `ip "${config.ip}" is no IPv4 address. Write it like 10.20.0.5, without a prefix.`,
    );
    return undefined;
  }
  const cidr = network?.cidr;
  // On a bridge of the host the address is someone else's to give; here it says where the machine will be found.
  if (!network || !cidr) {
    nic.ip = formatIpv4(address);
    return undefined;
  }
  const range = `${formatIpv4(cidr.network + 1)} to ${formatIpv4(cidr.broadcast - 1)}`;
  if (!isHostOf(cidr, address)) {
    const what =
      address === cidr.network
        ? `is the network's own address`
        : address === cidr.broadcast
          ? "is the broadcast address"
          : `is outside ${formatCidr(cidr)}`;
    context.problems.add(
      path,
      `ip ${config.ip} ${what} on network "${network.logical}". Use one from ${range}.`,
    );
    return undefined;
  }
  if (address === network.gateway) {
    context.problems.add(
      path,
      `ip ${config.ip} is the gateway of network "${network.logical}". Use another one from ${range}.`,
    );
    return undefined;
  }
  if (network.reserved.includes(address)) {
    context.problems.add(
      path,
      `VirtualBox keeps ${config.ip} of network "${network.logical}" for itself. Use another one from ${range}.`,
    );
    return undefined;
  }
  return { machine, nic, path, key: addressKey(machine.logical, nic), fixed: address };
}

/** Key of a card's address in the lock file: the machine, with `#2` for its second card on that network. */
export const addressKey = (machine: string, nic: Pick<NicFacts, "card">): string =>
  `${machine}${/#\d+$/.exec(nic.card)?.[0] ?? ""}`;
