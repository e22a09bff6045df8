import { contains, formatIpv4, parseIpv4 } from "./address";
import { ipv4Of, subnetOf } from "./xml/network";
import { all, first, type XmlElement } from "./xml/tree";

/** An address handed out. */
export interface Lease {
  mac: string;
  ip: string;
  prefix: number;
  hostName?: string;
  grantedS: number;
}

/** dnsmasq's default, as libvirt starts it. */
export const LEASE_S = 3600;

/**
 * The lease for a NIC of a running machine: its reservation, else the address it had, else the first free one of a
 * range. Undefined where the network has no DHCP or nothing is left.
 */
export function grantLease(
  network: XmlElement,
  leases: readonly Lease[],
  nic: { mac: string; hostName?: string },
  nowS: number,
): Lease | undefined {
  const mac = nic.mac.toLowerCase();
  for (const ip of ipv4Of(network)) {
    const subnet = subnetOf(ip);
    const dhcp = first(ip, "dhcp");
    if (!subnet || !dhcp) continue;
    const hosts = all(dhcp, "host");
    const reserved = hosts.find((host) => host.attributes.mac?.toLowerCase() === mac);
    const chosen = reserved?.attributes.ip ?? fromRanges(dhcp, hosts, leases, mac, subnet);
    if (chosen === undefined) continue;
    const hostName = reserved?.attributes.name ?? nic.hostName;
    return { mac, ip: chosen, prefix: subnet.prefix, grantedS: nowS, ...(hostName ? { hostName } : {}) };
  }
  return undefined;
}

function fromRanges(
  dhcp: XmlElement,
  hosts: XmlElement[],
  leases: readonly Lease[],
  mac: string,
  subnet: { address: number; prefix: number },
): string | undefined {
  const taken = new Set(leases.filter((lease) => lease.mac !== mac).map((lease) => lease.ip));
  for (const host of hosts) taken.add(host.attributes.ip ?? "");
  taken.add(formatIpv4(subnet.address));
  const ranges = all(dhcp, "range").flatMap((range) => {
    const start = parseIpv4(range.attributes.start ?? "");
    const end = parseIpv4(range.attributes.end ?? "");
    return start !== undefined && end !== undefined ? [{ start, end }] : [];
  });
  const before = leases.find((lease) => lease.mac === mac)?.ip;
  const old = before === undefined ? undefined : parseIpv4(before);
  if (old !== undefined && before !== undefined && !taken.has(before)) {
    if (ranges.some(({ start, end }) => old >= start && old <= end)) return before;
  }
  for (const { start, end } of ranges) {
    for (let ip = start; ip <= end; ip++) {
      if (contains(subnet, ip) && !taken.has(formatIpv4(ip))) return formatIpv4(ip);
    }
  }
  return undefined;
}

/** When it runs out, seconds since the epoch. The machine renews at half time, as DHCP clients do. */
export function expiry(lease: Lease, nowS: number): number {
  const half = LEASE_S / 2;
  const renewals = Math.max(0, Math.floor((nowS - lease.grantedS) / half));
  return lease.grantedS + renewals * half + LEASE_S;
}
