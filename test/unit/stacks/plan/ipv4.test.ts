import { describe, expect, test } from "vitest";
import {
  cidrAround,
  formatCidr,
  formatIpv4,
  freeCidr,
  isHostOf,
  isPrivate,
  overlaps,
  parseCidr,
  parseIpv4,
  unusable,
} from "../../../../stacks/plan/ipv4";

const cidr = (text: string) => {
  const parsed = parseCidr(text);
  if (!parsed) throw new Error(`${text} is no network`);
  return parsed;
};

describe("reading", () => {
  test("reads and writes addresses, also the highest", () => {
    for (const text of ["0.0.0.0", "10.20.0.1", "192.168.255.254", "255.255.255.255"])
      expect(formatIpv4(parseIpv4(text) ?? -1)).toBe(text);
  });

  test("refuses what some programs read as octal, and what is too large or too short", () => {
    for (const text of ["010.0.0.1", "10.0.0.256", "10.0.0", "10.0.0.1.2", "10.0.0.1/24", "", "0x0a.0.0.1"])
      expect(parseIpv4(text)).toBeUndefined();
  });

  test("reads a network only without host bits", () => {
    expect(cidr("10.20.0.0/24")).toEqual({
      network: 0x0a140000,
      prefix: 24,
      broadcast: 0x0a1400ff,
    });
    expect(parseCidr("10.20.0.1/24")).toBeUndefined();
    expect(parseCidr("10.20.0.0/33")).toBeUndefined();
    expect(formatCidr(cidrAround(parseIpv4("10.20.0.77") ?? 0, 26))).toBe("10.20.0.64/26");
  });
});

describe("networks", () => {
  test("overlap when one holds the other, and do not when they are side by side", () => {
    expect(overlaps(cidr("10.0.0.0/8"), cidr("10.20.0.0/24"))).toBe(true);
    expect(overlaps(cidr("10.20.0.0/24"), cidr("10.0.0.0/8"))).toBe(true);
    expect(overlaps(cidr("10.20.0.0/25"), cidr("10.20.0.128/25"))).toBe(false);
  });

  test("hold hosts between their own and the broadcast address", () => {
    const net = cidr("10.20.0.0/30");
    expect([0, 1, 2, 3].map((i) => isHostOf(net, net.network + i))).toEqual([false, true, true, false]);
  });

  test("are searched from a start, around the end, past what is taken", () => {
    const pool = cidr("10.200.0.0/22");
    const taken = [cidr("10.200.3.0/24"), cidr("10.200.0.0/24")];
    expect(formatCidr(freeCidr(pool, 24, 3, taken) ?? pool)).toBe("10.200.1.0/24");
    expect(freeCidr(pool, 24, 0, [cidr("10.0.0.0/8")])).toBeUndefined();
  });

  test("that no lab can use have a reason, and public ones are not private", () => {
    expect(unusable(cidr("127.0.0.0/24"))).toContain("loopback");
    expect(unusable(cidr("224.0.0.0/24"))).toContain("multicast");
    expect(unusable(cidr("255.255.255.0/24"))).toContain("multicast");
    expect(unusable(cidr("10.0.0.0/8"))).toBeUndefined();
    expect(isPrivate(cidr("172.31.255.0/24"))).toBe(true);
    expect(isPrivate(cidr("172.32.0.0/24"))).toBe(false);
  });
});
