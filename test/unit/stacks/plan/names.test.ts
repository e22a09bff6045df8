import { describe, expect, test } from "vitest";
import {
  badBridgeName,
  badDnsName,
  badHostName,
  badLogicalName,
  badRemoteName,
  naturally,
} from "../../../../stacks/plan/names";

test("people's order: w2 comes before w10, and the order is total", () => {
  const names = ["w10", "w2", "w1", "lb", "w", "10", "9", "w02", "w2a"];
  const expected = ["9", "10", "lb", "w", "w1", "w02", "w2", "w2a", "w10"];
  expect([...names].sort(naturally)).toEqual(expected);
  expect([...names].reverse().sort(naturally)).toEqual(expected);
});

describe("names", () => {
  test("logical names become file names and XML attributes: nothing that could lead out of a folder", () => {
    for (const name of ["w1", "pod1-node1", "A.b_c", "9"]) expect(badLogicalName(name)).toBeUndefined();
    for (const name of ["", "../w1", "a/b", "a b", "-w", ".w", "a\nb", "ü", "w#2", "x".repeat(64)])
      expect(badLogicalName(name)).toBeDefined();
  });

  test("names at the hypervisor may hold what libvirt allows, and no slash", () => {
    expect(badRemoteName("team:web@1")).toBeUndefined();
    expect(badRemoteName("a/b")).toContain("slashes");
  });

  test("host names follow RFC 1123", () => {
    for (const name of ["w1", "3com", "w1.lab.example", "a-b"]) expect(badHostName(name)).toBeUndefined();
    expect(badHostName("pod_1")).toContain('"pod_1"');
    expect(badHostName("-w")).toBeDefined();
    expect(badHostName("w..lab")).toContain("empty part");
    expect(badHostName("x".repeat(64))).toContain("63");
    expect(badDnsName(`${"abcdefg.".repeat(32)}lab`)).toContain("253");
  });

  test("a host name that dnsmasq would read as a lease time or an order is refused", () => {
    for (const name of ["12", "45m", "1h", "infinite", "ignore", "12.lab.example"])
      expect(badHostName(name)).toContain("lease time");
    expect(badHostName("h1")).toBeUndefined();
    expect(badHostName("12x")).toBeUndefined();
  });

  test("bridge names fit in 15 characters", () => {
    expect(badBridgeName("br-admin")).toBeUndefined();
    expect(badBridgeName("a-bridge-too-long")).toContain("17 characters");
    expect(badBridgeName("br/0")).toBeDefined();
  });
});
