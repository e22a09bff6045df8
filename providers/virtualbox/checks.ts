import { LabError } from "../core/errors";

/**
 * A TCP or UDP port. VirtualBox takes any number modulo 65536, and 0, without a word (measured on 7.2.22: 70000 becomes
 * 4464).
 */
export function checkPort(port: number, what: string): number {
  if (Number.isInteger(port) && port >= 1 && port <= 65_535) return port;
  throw new LabError(`${what}: ${port} is no port. Write a whole number from 1 to 65535.`);
}

/** Colons or dashes or neither, any case, to what VBoxManage takes: 12 digits in upper case. */
export function macForVirtualBox(mac: string): string {
  const digits = mac.replaceAll(/[:-]/g, "").toUpperCase();
  if (!/^[0-9A-F]{12}$/.test(digits))
    throw new LabError(`"${mac}" is no MAC address. Write six pairs of hex digits, as 08:00:27:12:34:56.`);
  if (Number.parseInt(digits.slice(0, 2), 16) & 1)
    throw new LabError(`"${mac}" is a multicast address, which no card can have. Make its first byte even.`);
  return digits;
}

/** What VirtualBox tells, in the form of a plan: lower case with colons. Anything else stays as it is. */
export function macInPlan(mac: string): string {
  const digits = mac.replaceAll(/[:-]/g, "").toLowerCase();
  return /^[0-9a-f]{12}$/.test(digits) ? (digits.match(/../g) ?? []).join(":") : mac;
}

/** A name in a rule, whose parts VirtualBox separates by `,` (a NIC's) or `:` (a NAT network's) and cannot escape. */
export function checkRuleName(name: string, separator: "," | ":"): string {
  if (name !== "" && !name.includes(separator) && !/[\r\n]/.test(name)) return name;
  throw new LabError(`"${name}" cannot name a forwarded port: it must not be empty or hold "${separator}".`);
}
