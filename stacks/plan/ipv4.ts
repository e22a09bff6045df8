/** IPv4 as plain numbers: addresses are integers from 0 to 2^32-1. No I/O. */

export interface Cidr {
  /** First address: the network's own. */
  network: number;
  prefix: number;
  /** Last address. */
  broadcast: number;
}

const DOTTED = /^(0|[1-9]\d{0,2})\.(0|[1-9]\d{0,2})\.(0|[1-9]\d{0,2})\.(0|[1-9]\d{0,2})$/;

/** Four decimal parts without leading zeros (which some programs read as octal); undefined for anything else. */
export function parseIpv4(text: string): number | undefined {
  const parts = DOTTED.exec(text)?.slice(1).map(Number);
  if (!parts || parts.some((part) => part > 255)) return undefined;
  return parts.reduce((sum, part) => sum * 256 + part, 0);
}

export const formatIpv4 = (address: number): string =>
  [24, 16, 8, 0].map((shift) => Math.floor(address / 2 ** shift) % 256).join(".");

/** How many addresses a prefix spans. */
export const sizeOf = (prefix: number): number => 2 ** (32 - prefix);

/** The network of `prefix` bits that holds `address`. */
export function cidrAround(address: number, prefix: number): Cidr {
  const network = Math.floor(address / sizeOf(prefix)) * sizeOf(prefix);
  return { network, prefix, broadcast: network + sizeOf(prefix) - 1 };
}

/** Address and prefix of `a.b.c.d/n`, host bits and all. */
export function splitCidr(text: string): { address: number; prefix: number } | undefined {
  const match = /^([\d.]+)\/(\d{1,2})$/.exec(text);
  const address = parseIpv4(match?.[1] ?? "");
  const prefix = Number(match?.[2]);
  return address === undefined || prefix > 32 ? undefined : { address, prefix };
}

/** A network without host bits; undefined for anything else. */
export function parseCidr(text: string): Cidr | undefined {
  const parts = splitCidr(text);
  if (!parts) return undefined;
  const cidr = cidrAround(parts.address, parts.prefix);
  return cidr.network === parts.address ? cidr : undefined;
}

export const formatCidr = (cidr: Cidr): string => `${formatIpv4(cidr.network)}/${cidr.prefix}`;

export const overlaps = (a: Cidr, b: Cidr): boolean => a.network <= b.broadcast && b.network <= a.broadcast;

export const contains = (cidr: Cidr, address: number): boolean =>
  address >= cidr.network && address <= cidr.broadcast;

/** An address that a machine or gateway can have: not the network's own and not the broadcast address. */
export const isHostOf = (cidr: Cidr, address: number): boolean =>
  address > cidr.network && address < cidr.broadcast;

/** The first free network of `prefix` bits at or after `start`, within `pool`, wrapping around once. */
export function freeCidr(
  pool: Cidr,
  prefix: number,
  start: number,
  taken: readonly Cidr[],
): Cidr | undefined {
  const count = sizeOf(pool.prefix) / sizeOf(prefix);
  for (let i = 0; i < count; i++) {
    const candidate = cidrAround(pool.network + ((start + i) % count) * sizeOf(prefix), prefix);
    if (!taken.some((other) => overlaps(candidate, other))) return candidate;
  }
  return undefined;
}

const PRIVATE = ["10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10"].map((text) =>
  parseCidr(text),
);

/** In a range of RFC 1918 or RFC 6598. */
export const isPrivate = (cidr: Cidr): boolean =>
  PRIVATE.some((range) => range && contains(range, cidr.network) && contains(range, cidr.broadcast));

const UNUSABLE: [string, string][] = [
  ["0.0.0.0/8", "means “this network”"],
  ["127.0.0.0/8", "is loopback"],
  ["169.254.0.0/16", "is link-local"],
  ["224.0.0.0/3", "is multicast or reserved"],
];

/** Why no lab network can have these addresses, or undefined. */
export function unusable(cidr: Cidr): string | undefined {
  for (const [text, reason] of UNUSABLE) {
    const range = parseCidr(text);
    if (range && overlaps(range, cidr)) return `${text} ${reason}`;
  }
  return undefined;
}
