import { byCodeUnit } from "./stable";

/** Names of machines, networks, images and backends in the config: they become file names and XML attributes. */
const LOGICAL = /^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$/;

/** What is wrong with a logical name, or undefined. */
export function badLogicalName(name: string): string | undefined {
  return LOGICAL.test(name)
    ? undefined
    : "a name is 1 to 63 letters, digits, dots, hyphens and underscores, and begins with a letter or digit";
}

const REMOTE = /^[A-Za-z0-9][A-Za-z0-9._+:@-]{0,62}$/;

/** What is wrong with a `name:` given for the hypervisor, or undefined. */
export function badRemoteName(name: string): string | undefined {
  return REMOTE.test(name)
    ? undefined
    : "a name at the hypervisor is 1 to 63 characters without spaces and slashes, and begins with a letter or digit";
}

const LABEL = /^[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?$/;

/** What is wrong with a DNS name after RFC 1123, or undefined. */
export function badDnsName(name: string): string | undefined {
  if (name.length > 253) return "it has more than 253 characters";
  for (const label of name.split(".")) {
    if (label === "") return "it has an empty part";
    if (label.length > 63) return `"${label.slice(0, 20)}…" has more than 63 characters`;
    if (!LABEL.test(label)) return `"${label}" may hold only letters, digits and inner hyphens`;
  }
  return undefined;
}

/**
 * What is wrong with a host name, or undefined. dnsmasq reads some words in a reservation as something else
 * (dnsmasq(8), --dhcp-host): a number with or without a unit and "infinite" as a lease time, "ignore" as an order.
 */
export function badHostName(name: string): string | undefined {
  if (/^(\d+[smhdw]?|infinite|ignore)$/i.test(shortName(name)))
    return "a DHCP server would take it for a lease time or an order";
  return badDnsName(name);
}

/** First label of a host name. */
export const shortName = (hostName: string): string => hostName.split(".")[0] ?? hostName;

/** Linux allows 15 characters (IFNAMSIZ less the final zero), and none of these. */
export function badBridgeName(name: string): string | undefined {
  if (name.length > 15) return `it has ${name.length} characters, and Linux allows 15`;
  return /^[A-Za-z0-9_][A-Za-z0-9._-]*$/.test(name)
    ? undefined
    : "it may hold only letters, digits, dots, hyphens and underscores";
}

/** As people count: w2 before w10. The same on every computer. */
export function naturally(a: string, b: string): number {
  const [left, right] = [a.match(/\d+|\D+/g) ?? [], b.match(/\d+|\D+/g) ?? []];
  for (let i = 0; i < Math.min(left.length, right.length); i++) {
    const [x, y] = [left[i] as string, right[i] as string];
    const numbers = /^\d/.test(x) && /^\d/.test(y);
    const order = (numbers ? Number(x) - Number(y) : 0) || byCodeUnit(x, y);
    if (order !== 0) return order;
  }
  return left.length - right.length;
}
