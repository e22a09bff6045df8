import type { BackendConfig, NetworkConfig } from "../config/types";
import { backendFor } from "./backends";
import { type Context, originOf } from "./context";
import { type DhcpPlan, planDhcp } from "./dhcp";
import { type Hypervisor, hypervisorOf, hypervisorPlace, NETWORK_KINDS } from "./hypervisor";
import { bridgeOf, startOf, uuidOf } from "./identity";
import {
  type Cidr,
  cidrAround,
  formatCidr,
  formatIpv4,
  freeCidr,
  isHostOf,
  isPrivate,
  parseCidr,
  parseIpv4,
  sizeOf,
  splitCidr,
  unusable,
} from "./ipv4";
import { checkIpv6 } from "./ipv6";
import { checkNetworkFields, modeOf } from "./network-fields";
import type { Seed } from "./seeds";
import { own, sortedKeys } from "./stable";
import { HOST_ONLY_POOL, isHostOnly, networkName, reservedOnVirtualBox } from "./virtualbox-addresses";

/** A network with all its facts. */
export interface NetworkFacts extends Seed {
  logical: string;
  config: NetworkConfig;
  backend: BackendConfig;
  hypervisor: Hypervisor;
  place: string;
  /** Name at the hypervisor. */
  name: string;
  uuid: string;
  mode: NonNullable<NetworkConfig["mode"]>;
  bridge: string;
  cidr?: Cidr;
  /** The cidr is ours, and kept in the lock file. */
  allocated: boolean;
  gateway?: number;
  /** Addresses that VirtualBox takes for itself: no machine's. */
  reserved: readonly number[];
  dhcp?: DhcpPlan;
}

/** Where networks without a `cidr` are put: 2,048 networks of 254 machines. */
export const DEFAULT_ADDRESS_POOL = "10.200.0.0/13";

/** Every network that can be planned; what is wrong with the others is in the problems. */
export function planNetworks(context: Context): Map<string, NetworkFacts> {
  const networks = new Map<string, NetworkFacts>();
  for (const logical of sortedKeys(context.config.networks)) {
    const config = own(context.config.networks, logical);
    if (!config) continue;
    const path = ["networks", logical, "backend"];
    const backend = backendFor(context, config.backend, NETWORK_KINDS, path);
    checkNetworkFields(context, logical, config, backend && hypervisorOf(backend));
    if (!backend) continue;
    const seed = context.seeds.of("networks", logical);
    const origin = originOf(context, config.backend, "network", seed.seed);
    networks.set(logical, {
      ...seed,
      logical,
      config,
      backend,
      hypervisor: hypervisorOf(backend),
      place: hypervisorPlace(backend),
      name: config.name ?? networkName(context, hypervisorOf(backend), modeOf(config), seed.seed),
      uuid: uuidOf(origin),
      mode: modeOf(config),
      bridge: config.bridge ?? bridgeOf(origin),
      allocated: false,
      reserved: [],
    });
  }
  for (const facts of networks.values()) readCidr(context, facts);
  allocateCidrs(context, networks);
  for (const facts of networks.values()) planAddressing(context, facts);
  return networks;
}

/** The cidr that the config gives. */
function readCidr({ problems, notes }: Context, facts: NetworkFacts): void {
  const { logical, config } = facts;
  if (config.cidr === undefined || facts.mode === "bridge") return;
  const path = ["networks", logical, "cidr"];
  const parts = splitCidr(config.cidr);
  if (!parts) {
    problems.add(path, `"${config.cidr}" is no IPv4 network. Write it like 10.20.0.0/24.`);
    return;
  }
  const cidr = cidrAround(parts.address, parts.prefix);
  if (parts.prefix < 8 || parts.prefix > 30) {
    problems.add(
      path,
      `a /${parts.prefix} network ${parts.prefix > 30 ? "has no room for a gateway and a machine" : "is larger than any private range"}. Use /8 to /30.`,
    );
    return;
  }
  if (cidr.network !== parts.address) {
    problems.add(
      path,
      `${config.cidr} is an address within a network, not the network itself. Write ${formatCidr(cidr)}.`,
    );
    return;
  }
  const reason = unusable(cidr);
  if (reason) {
    problems.add(path, `${config.cidr} cannot be used: ${reason}. Choose one within 10.0.0.0/8.`);
    return;
  }
  if (!isPrivate(cidr))
    notes.push(
      `${logical}: ${config.cidr} is no private range (RFC 1918); its machines will not reach the real hosts of those addresses.`,
    );
  facts.cidr = cidr;
}

/** Networks without a cidr: what the lock file says, else a free /24 of the pool. */
function allocateCidrs(context: Context, networks: ReadonlyMap<string, NetworkFacts>): void {
  const { config, lock, problems } = context;
  const pool = parseCidr(config.addressPool ?? DEFAULT_ADDRESS_POOL);
  if (!pool || pool.prefix < 8 || pool.prefix > 24) {
    problems.add(
      ["addressPool"],
      `"${config.addressPool}" is no IPv4 network of /8 to /24. Write it like ${DEFAULT_ADDRESS_POOL}.`,
    );
    return;
  }
  const open: NetworkFacts[] = [];
  for (const facts of networks.values()) {
    if (facts.mode === "bridge" || facts.config.cidr !== undefined) continue;
    facts.allocated = true;
    const locked = parseCidr(own(lock.cidrs, facts.source) ?? "");
    if (locked) facts.cidr = locked;
    else open.push(facts);
  }
  const taken = [...networks.values()].flatMap(({ cidr }) => (cidr ? [cidr] : []));
  for (const facts of open) {
    const origin = originOf(context, facts.config.backend, "network", facts.seed);
    const from = isHostOnly(facts) ? HOST_ONLY_POOL : pool;
    const cidr = freeCidr(from, 24, startOf(origin, sizeOf(from.prefix) / sizeOf(24)), taken);
    if (!cidr) {
      problems.add(
        ["networks", facts.logical],
        `no free /24 is left in the address pool ${formatCidr(from)}. Give it a cidr, or a larger \`labplan:addressPool\`.`,
      );
      continue;
    }
    facts.cidr = cidr;
    taken.push(cidr);
  }
}

/** Gateway, DHCP range and IPv6 of a network whose cidr is known. */
function planAddressing(context: Context, facts: NetworkFacts): void {
  const { logical, config, cidr } = facts;
  checkIpv6(context, logical, config);
  if (!cidr) return;
  const path = ["networks", logical, "gateway"];
  if (config.gateway === undefined) facts.gateway = cidr.network + 1;
  else {
    const gateway = parseIpv4(config.gateway);
    if (gateway === undefined)
      context.problems.add(
        path,
        `gateway "${config.gateway}" is no IPv4 address. Leave it out for ${formatIpv4(cidr.network + 1)}.`,
      );
    else if (!isHostOf(cidr, gateway))
      context.problems.add(
        path,
        `gateway ${config.gateway} is no machine's address within ${formatCidr(cidr)}. Use one from ${formatIpv4(cidr.network + 1)} to ${formatIpv4(cidr.broadcast - 1)}, or leave it out for the first.`,
      );
    else facts.gateway = gateway;
  }
  if (facts.hypervisor === "virtualbox") facts.reserved = reservedOnVirtualBox(context, facts);
  const dhcp = planDhcp(context, facts);
  if (dhcp) facts.dhcp = dhcp;
}
