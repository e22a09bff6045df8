import ipaddr from "ipaddr.js";

/** `10.20.0.1` and 24 give `10.20.0.0/24`; likewise for IPv6, in the short form. */
export function networkOf(address: string, prefix: number): string {
  const family = address.includes(":") ? ipaddr.IPv6 : ipaddr.IPv4;
  return `${family.networkAddressFromCIDR(`${address}/${prefix}`).toString()}/${prefix}`;
}

/** Length of `10.20.0.0/24`: 24. */
export const prefixOf = (cidr: string): number => Number(cidr.slice(cidr.indexOf("/") + 1));

export const netmaskOf = (cidr: string): string =>
  ipaddr.IPv4.subnetMaskFromPrefixLength(prefixOf(cidr)).toString();

/** The first address of a network that a host can have. */
export function firstHost(cidr: string): string {
  const parsed = ipaddr.parseCIDR(cidr);
  const family = parsed[0].kind() === "ipv6" ? ipaddr.IPv6 : ipaddr.IPv4;
  const bytes = family.networkAddressFromCIDR(cidr).toByteArray();
  bytes[bytes.length - 1] = (bytes.at(-1) ?? 0) | 1;
  return ipaddr.fromByteArray(bytes).toString();
}

/** Prefix of an `<ip>` element, which may give a netmask instead. */
export function prefixFrom(prefix: string | undefined, netmask: string | undefined): number | undefined {
  if (prefix !== undefined) return Number(prefix);
  if (netmask === undefined || !ipaddr.IPv4.isValid(netmask)) return undefined;
  return ipaddr.IPv4.parse(netmask).prefixLengthFromSubnetMask() ?? undefined;
}
