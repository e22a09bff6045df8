import type { DhcpRange } from "../../stacks/config/types";
import { same } from "../core/change";
import type { Lease } from "./network";

/** One call of libvirt's network update. */
export interface DhcpEdit {
  command: "add" | "delete";
  section: "dhcp-host" | "dhcp-range";
  entry: Partial<Lease> | DhcpRange;
}

/**
 * The edits that make `hosts` hold every wanted reservation. Entries of others stay, unless they stand in the way:
 * the same MAC, address or name. `stale` are MACs of ours that are wanted no longer.
 *
 * Never `modify`: libvirt applies it to whichever entry has the MAC *or* the address *or* the name, so that a new
 * reservation with a known address silently rewrites somebody else's. Deletes come first, for the same reason.
 */
export function leaseEdits(
  hosts: readonly Partial<Lease>[],
  wanted: readonly Lease[],
  stale: ReadonlySet<string>,
): DhcpEdit[] {
  const isWanted = (host: Partial<Lease>) => wanted.some((lease) => same(lease, host));
  const inTheWay = (host: Partial<Lease>) =>
    wanted.some(({ mac, ip, hostName }) => mac === host.mac || ip === host.ip || hostName === host.hostName);
  const doomed = hosts.filter(
    (host) => !isWanted(host) && (inTheWay(host) || (host.mac !== undefined && stale.has(host.mac))),
  );
  const missing = wanted.filter((lease) => !hosts.some((host) => same(lease, host)));
  return [
    ...doomed.map((entry): DhcpEdit => ({ command: "delete", section: "dhcp-host", entry })),
    ...missing.map((entry): DhcpEdit => ({ command: "add", section: "dhcp-host", entry })),
  ];
}

/**
 * The edits that make `range` the one that is served. libvirt cannot change a range in place, and refuses ranges
 * that overlap: others go first. With `wasOurs` a range that is wanted no longer goes.
 */
export function rangeEdits(
  ranges: readonly DhcpRange[],
  range: DhcpRange | undefined,
  wasOurs: DhcpRange | undefined,
): DhcpEdit[] {
  const edit = (command: DhcpEdit["command"], entry: DhcpRange): DhcpEdit => ({
    command,
    section: "dhcp-range",
    entry,
  });
  if (!range) return ranges.filter((found) => same(found, wasOurs)).map((found) => edit("delete", found));
  if (ranges.some((found) => same(found, range))) return [];
  return [...ranges.map((found) => edit("delete", found)), edit("add", range)];
}

/**
 * Reservations as `observe` reports them: ours, as they stand. One of ours that was taken out is missing, one that
 * was changed shows the change; what others added is not listed, for it is no contradiction.
 */
export function reportedLeases(hosts: readonly Partial<Lease>[], ours: readonly Lease[]): Lease[] {
  const macs = new Set(ours.map(({ mac }) => mac));
  return hosts
    .filter((host) => host.mac !== undefined && macs.has(host.mac))
    .map(({ mac = "", ip = "", hostName = "" }) => ({ mac, ip, hostName }))
    .sort((a, b) => (a.mac < b.mac ? -1 : 1));
}
