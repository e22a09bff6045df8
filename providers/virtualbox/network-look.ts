import { same } from "../core/change";
import { pruned } from "../core/reported";
import type { DhcpServerFacts, HostOnlyFacts, NatNetworkFacts, VirtualBoxClient } from "./client";
import type { NetworkInputs, NetworkState } from "./network";
import { type NetworkMark, readNetworkMark } from "./network-mark";

/** How messages name a network. */
export const who = ({ name }: Pick<NetworkInputs, "name">) => `network "${name}"`;

/** A network as it is. */
export interface FoundNetwork {
  mark: NetworkMark | undefined;
  nat: NatNetworkFacts | undefined;
  hostOnly: HostOnlyFacts | undefined;
  dhcp: DhcpServerFacts | undefined;
}

/** Does anything of the network's own exist? An internal one is but a name: what can exist is its DHCP server. */
export const exists = (type: NetworkInputs["type"], { nat, hostOnly, dhcp }: FoundNetwork): boolean =>
  ({ natnetwork: nat, hostonly: hostOnly, intnet: dhcp })[type] !== undefined;

/** What its DHCP server is for; a host-only network's own name is known once its interface is. */
export const dhcpName = (
  { type, name }: Pick<NetworkInputs, "type" | "name">,
  hostOnly: HostOnlyFacts | undefined,
): string | undefined => (type === "hostonly" ? hostOnly?.network : name);

/** An interface that is to be adopted is named in the config; one of ours in its mark. */
export async function lookAt(client: VirtualBoxClient, inputs: NetworkInputs): Promise<FoundNetwork> {
  const { type, name } = inputs;
  const mark = await readNetworkMark(client, name);
  const nat =
    type === "natnetwork" ? (await client.natNetworks()).find((one) => one.name === name) : undefined;
  const wanted = mark ? mark.interface : inputs.adopt ? name : undefined;
  const hostOnly =
    type === "hostonly" && wanted !== undefined
      ? (await client.hostOnlyInterfaces()).find((one) => one.interface === wanted)
      : undefined;
  const network = dhcpName(inputs, hostOnly);
  const dhcp =
    network === undefined ? undefined : (await client.dhcpServers()).find((one) => one.network === network);
  return { mark, nat, hostOnly, dhcp };
}

export function netmaskOf(cidr: string): string {
  const bits = Number(cidr.split("/")[1]);
  const mask = bits === 0 ? 0 : (0xffffffff << (32 - bits)) >>> 0;
  return [24, 16, 8, 0].map((shift) => (mask >>> shift) & 255).join(".");
}

const numberOf = (ip: string): number => ip.split(".").reduce((sum, part) => sum * 256 + Number(part), 0);

function cidrOf(ip: string, netmask: string): string {
  const mask = numberOf(netmask);
  const network = (numberOf(ip) & mask) >>> 0;
  const bits = mask.toString(2).replaceAll("0", "").length;
  return `${[24, 16, 8, 0].map((shift) => (network >>> shift) & 255).join(".")}/${bits}`;
}

type Dhcp = NonNullable<NetworkInputs["dhcp"]>;
const sorted = (hosts: { mac: string; ip: string }[]) => hosts.map(({ mac, ip }) => `${mac} ${ip}`).sort();

export const isSameDhcp = (wanted: Dhcp, found: DhcpServerFacts, netmask: string): boolean =>
  same(
    [wanted.server, wanted.from, wanted.to, netmask, sorted(wanted.hosts)],
    [found.serverIp, found.from, found.to, found.netmask, sorted(found.hosts)],
  );

/** What is there, in the words of the config; a reservation's name is nothing to VirtualBox. */
function dhcpFound(wanted: Dhcp | undefined, found: DhcpServerFacts | undefined): Dhcp | undefined {
  if (!found) return undefined;
  const nameOf = (mac: string) => wanted?.hosts.find((host) => host.mac === mac)?.name ?? mac;
  return {
    server: found.serverIp,
    from: found.from,
    to: found.to,
    hosts: found.hosts.map(({ mac, ip }) => ({ mac, ip, name: nameOf(mac) })),
  };
}

type Forward = NonNullable<NetworkInputs["forwards"]>[number];
export const forwardText = ({
  name,
  protocol,
  hostIp = "127.0.0.1",
  hostPort,
  guestIp,
  guestPort,
}: Forward): string => JSON.stringify([name, protocol, hostIp, hostPort, guestIp, guestPort]);

export const isSameForwards = (wanted: readonly Forward[], found: readonly Forward[]): boolean =>
  same(wanted.map(forwardText).sort(), found.map(forwardText).sort());

/** What `observe` reports. */
export function stateOf(inputs: NetworkInputs, found: FoundNetwork): NetworkState {
  const { nat, hostOnly, dhcp, mark } = found;
  const { forwards = [] } = inputs;
  const cidr = nat?.cidr ?? (hostOnly ? cidrOf(hostOnly.ip, hostOnly.netmask) : inputs.cidr);
  const isDhcpRight = inputs.dhcp
    ? dhcp !== undefined && isSameDhcp(inputs.dhcp, dhcp, netmaskOf(inputs.cidr))
    : dhcp === undefined || (mark?.adopted ?? false);
  const areForwardsRight = !nat || isSameForwards(forwards, nat.forwards);
  return pruned<NetworkState>({
    ...inputs,
    cidr,
    gateway: nat?.gateway ?? hostOnly?.ip ?? inputs.gateway,
    dhcp: isDhcpRight ? inputs.dhcp : dhcpFound(inputs.dhcp, dhcp),
    forwards: areForwardsRight ? inputs.forwards : (nat?.forwards as Forward[]),
    interface: hostOnly?.interface,
    active:
      (nat?.enabled ?? true) &&
      (!inputs.dhcp || !dhcp || dhcp.enabled) &&
      (!nat || nat.dhcp === (inputs.dhcp !== undefined)),
    adopted: mark?.adopted || undefined,
  });
}
