import type { ConfigPath } from "../config/types";
import type { Context } from "./context";
import { formatCidr, formatIpv4, isHostOf, parseIpv4 } from "./ipv4";
import type { MachineFacts } from "./machines";
import type { NetworkFacts } from "./networks";
import { addressKey, type NicFacts } from "./nics";
import { own } from "./stable";

/** A card that is to have an address of its network. */
export interface AddressRequest {
  machine: MachineFacts;
  nic: NicFacts;
  /** For problems. */
  path: ConfigPath;
  /** In the lock file. */
  key: string;
  /** From the config. */
  fixed?: number;
}

/**
 * Addresses of one network: those of the config, then those of the lock file, then the next free ones, outside the
 * DHCP range while there are any. So nothing that happens to one machine moves another; where two claims meet, it is
 * a problem, never a silent change.
 */
export function allocateAddresses(
  context: Context,
  network: NetworkFacts,
  requests: readonly AddressRequest[],
): void {
  const { cidr, gateway } = network;
  if (!cidr || gateway === undefined) return;
  const holders = new Map<number, AddressRequest>();
  const open: AddressRequest[] = [];

  for (const request of requests) {
    if (request.fixed === undefined) continue;
    const holder = holders.get(request.fixed);
    if (holder)
      context.problems.add(
        request.path,
        `ip ${formatIpv4(request.fixed)} on network "${network.logical}" is already that of ${nameOf(holder, request)}. Give each its own.`,
      );
    else take(holders, request, request.fixed);
    noteInRange(context, network, request, request.fixed);
  }

  for (const request of requests) {
    if (request.fixed !== undefined) continue;
    const locked = lockedAddress(context, network, request);
    if (locked === undefined || !isHostOf(cidr, locked) || network.reserved.includes(locked)) {
      open.push(request);
      continue;
    }
    request.nic.ipAllocated = true;
    if (locked === gateway) {
      context.problems.add(
        ["networks", network.logical, "gateway"],
        `the gateway ${formatIpv4(gateway)} was handed out to ${request.machine.logical} before (lock file). Choose another gateway, or delete that line of the lock file to move ${request.machine.logical}.`,
      );
      continue;
    }
    const holder = holders.get(locked);
    if (!holder) take(holders, request, locked);
    else if (holder.fixed !== undefined)
      context.problems.add(
        holder.path,
        `ip ${formatIpv4(locked)} on network "${network.logical}" was handed out to ${nameOf(request, holder)} before (lock file). Choose another, or delete that line of the lock file to move ${request.machine.logical}.`,
      );
    else
      context.problems.add(
        request.path,
        `the lock file gives ${formatIpv4(locked)} on network "${network.logical}" to ${nameOf(holder, request)} too (were two branches merged?). Delete one of the two lines.`,
      );
  }

  const next = freeAddresses(network, holders);
  for (const request of open) {
    request.nic.ipAllocated = true;
    const address = next();
    if (address === undefined) {
      context.problems.add(
        request.path,
        `network "${network.logical}" (${formatCidr(cidr)}) has no free address left. Widen its cidr, or say \`ip: false\`.`,
      );
      continue;
    }
    take(holders, request, address);
  }
}

function take(holders: Map<number, AddressRequest>, request: AddressRequest, address: number): void {
  holders.set(address, request);
  request.nic.ip = formatIpv4(address);
}

/** From below, outside the DHCP range first; dnsmasq allows reservations inside it too (dnsmasq(8), --dhcp-host). */
function freeAddresses(
  { cidr, gateway, reserved, dhcp }: NetworkFacts,
  holders: ReadonlyMap<number, unknown>,
): () => number | undefined {
  let cursor = (cidr?.network ?? 0) + 1;
  const last = (cidr?.broadcast ?? 0) - 1;
  let inside = false;
  const inRange = (address: number) => dhcp !== undefined && address >= dhcp.from && address <= dhcp.to;
  return () => {
    for (;;) {
      if (!inside && dhcp && cursor >= dhcp.from && cursor <= dhcp.to) cursor = dhcp.to + 1;
      if (cursor > (inside ? (dhcp?.to ?? last) : last)) {
        if (inside || !dhcp) return undefined;
        inside = true;
        cursor = dhcp.from;
        continue;
      }
      const address = cursor++;
      if (
        address !== gateway &&
        !reserved.includes(address) &&
        !holders.has(address) &&
        inRange(address) === inside
      )
        return address;
    }
  };
}

function lockedAddress(
  { lock }: Context,
  network: NetworkFacts,
  { machine, nic }: AddressRequest,
): number | undefined {
  const addresses = own(lock.addresses, network.source);
  return parseIpv4(own(addresses, addressKey(machine.source, nic)) ?? "");
}

function noteInRange(
  { notes }: Context,
  { logical, dhcp }: NetworkFacts,
  { machine }: AddressRequest,
  ip: number,
): void {
  if (dhcp?.given && ip >= dhcp.from && ip <= dhcp.to)
    notes.push(
      `${machine.logical}: ip ${formatIpv4(ip)} lies in the DHCP range of "${logical}"; a guest that is there first may hold it until its lease ends.`,
    );
}

const nameOf = (holder: AddressRequest, asker: AddressRequest): string =>
  holder.machine === asker.machine ? "another of its own cards" : holder.machine.logical;
