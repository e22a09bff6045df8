import ipaddr from "ipaddr.js";
import type { NetworkConfig } from "../config/types";
import type { Context } from "./context";

/** First and last address of an IPv6 network. */
export interface Ipv6Span {
  first: bigint;
  last: bigint;
}

/** Of `ab::/n`, without its host bits; undefined for what is no IPv6 network. */
export function spanOf(text: string): Ipv6Span | undefined {
  if (!ipaddr.IPv6.isValidCIDR(text)) return undefined;
  const [address, prefix] = ipaddr.IPv6.parseCIDR(text);
  const bits = BigInt(128 - prefix);
  const value = address.toByteArray().reduce((sum, byte) => (sum << 8n) | BigInt(byte), 0n);
  const first = (value >> bits) << bits;
  return { first, last: first + (1n << bits) - 1n };
}

export const spansOverlap = (a: Ipv6Span, b: Ipv6Span): boolean => a.first <= b.last && b.first <= a.last;

const EXAMPLE = "fd00:20::/64";

/** Checks of a network's `ipv6`. */
export function checkIpv6({ problems, notes }: Context, logical: string, { ipv6 }: NetworkConfig): void {
  if (!ipv6) return;
  const path = ["networks", logical, "ipv6", "cidr"];
  const { cidr } = ipv6;
  if (!ipaddr.IPv6.isValidCIDR(cidr)) {
    problems.add(path, `"${cidr}" is no IPv6 network. Write it like ${EXAMPLE}.`);
    return;
  }
  const [address, prefix] = ipaddr.IPv6.parseCIDR(cidr);
  const network = ipaddr.IPv6.networkAddressFromCIDR(cidr);
  if (address.toNormalizedString() !== network.toNormalizedString())
    problems.add(
      path,
      `${cidr} is an address within a network, not the network itself. Write ${network.toRFC5952String()}/${prefix}.`,
    );
  else if (prefix < 16 || prefix > 126)
    problems.add(path, `${cidr} cannot hold a lab network. Use /64, like ${EXAMPLE}.`);
  else if (!["uniqueLocal", "unicast", "reserved"].includes(address.range()))
    problems.add(path, `${cidr} is a range of kind ${address.range()}. Choose one like ${EXAMPLE}.`);
  else if (prefix !== 64)
    notes.push(`${logical}: machines configure themselves (SLAAC) in a /64 only; ${cidr} is a /${prefix}.`);
}
