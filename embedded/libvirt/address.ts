/** IPv4 arithmetic, as much as a DHCP server needs. */

export function parseIpv4(ip: string): number | undefined {
  const parts = ip.split(".");
  if (parts.length !== 4 || parts.some((part) => !/^\d{1,3}$/.test(part) || Number(part) > 255))
    return undefined;
  return parts.reduce((sum, part) => sum * 256 + Number(part), 0);
}

export const formatIpv4 = (value: number): string =>
  [24, 16, 8, 0].map((shift) => (value >>> shift) & 255).join(".");

export interface Subnet {
  /** The bridge's own address. */
  address: number;
  prefix: number;
}

export const maskOf = (prefix: number): number => (prefix === 0 ? 0 : (0xffffffff << (32 - prefix)) >>> 0);

export const contains = (subnet: Subnet, ip: number): boolean =>
  (ip & maskOf(subnet.prefix)) >>> 0 === (subnet.address & maskOf(subnet.prefix)) >>> 0;

/** Prefix length of a dotted mask. */
export function prefixOfMask(mask: string): number | undefined {
  const value = parseIpv4(mask);
  if (value === undefined) return undefined;
  const prefix = value.toString(2).replace(/0+$/, "").length;
  return value === 0 ? 0 : maskOf(prefix) === value ? prefix : undefined;
}
