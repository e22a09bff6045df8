import { describe, expect, it } from "vitest";
import { expiry, grantLease, type Lease } from "../../../../embedded/libvirt/leases";
import { parseXml } from "../../../../embedded/libvirt/xml/tree";

const network = (dhcp: string) =>
  parseXml(`<network><name>n</name><ip address='10.20.0.1' prefix='24'>${dhcp}</ip></network>`, "test", 19);
const RANGE = "<range start='10.20.0.100' end='10.20.0.102'/>";
const nic = (mac: string) => ({ mac });

describe("DHCP leases", () => {
  it("honour the reservation, whatever the case of the MAC, and its name", () => {
    const with1 = network(`<dhcp>${RANGE}<host mac='52:54:00:AA:00:01' name='w1' ip='10.20.0.5'/></dhcp>`);
    expect(grantLease(with1, [], nic("52:54:00:aa:00:01"), 0)).toMatchObject({
      ip: "10.20.0.5",
      prefix: 24,
      hostName: "w1",
    });
  });

  it("come from the range else, never twice, and never one that is reserved", () => {
    const mixed = network(`<dhcp>${RANGE}<host mac='52:54:00:00:00:01' ip='10.20.0.101'/></dhcp>`);
    const leases: Lease[] = [];
    for (const mac of ["a", "b", "c"]) {
      const lease = grantLease(mixed, leases, nic(mac), 0);
      if (lease) leases.push(lease);
    }
    expect(leases.map((lease) => lease.ip)).toEqual(["10.20.0.100", "10.20.0.102"]);
  });

  it("give a known NIC its old address again", () => {
    const range = network(`<dhcp>${RANGE}</dhcp>`);
    const leases: Lease[] = [];
    for (const mac of ["a", "b"])
      leases.push(...[grantLease(range, leases, nic(mac), 0)].flatMap((lease) => lease ?? []));
    expect(grantLease(network(`<dhcp>${RANGE}</dhcp>`), leases, nic("b"), 9)).toMatchObject({
      ip: "10.20.0.101",
    });
  });

  it("are none on a network without DHCP", () => {
    expect(grantLease(network(""), [], nic("a"), 0)).toBeUndefined();
  });

  it("never run out while the machine runs", () => {
    const lease: Lease = { mac: "a", ip: "10.20.0.5", prefix: 24, grantedS: 1_000 };
    expect(expiry(lease, 1_000)).toBe(4_600);
    for (const now of [1_000, 2_799, 2_800, 100_000]) {
      expect(expiry(lease, now) - now).toBeGreaterThan(1_700);
      expect(expiry(lease, now) - now).toBeLessThanOrEqual(3_600);
    }
  });
});
