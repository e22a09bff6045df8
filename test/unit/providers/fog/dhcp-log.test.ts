import { describe, expect, it } from "vitest";
import { lastAddress } from "../../../../providers/fog/dhcp-log";

const MAC = "52:54:00:aa:00:01";
const OTHER = "52:54:00:aa:00:02";

describe("an address of a DHCP server's log", () => {
  it("trap seeds#11: is found whatever the case of the MAC's letters, or not at all", () => {
    const log = `Nov 21 10:00:00 jump dhcpd[812]: DHCPACK on 10.1.2.3 to 52:54:00:AA:00:01 (pod1-node1) via eth1`;
    expect(lastAddress(log, [MAC])).toBe("10.1.2.3");
    expect(lastAddress(log.toLowerCase(), [MAC.toUpperCase()])).toBe("10.1.2.3");
    expect(lastAddress(log, [OTHER])).toBeUndefined();
    expect(lastAddress("", [MAC])).toBeUndefined();
  });

  it("is the last one that was given, not the last one that was asked for", () => {
    const log = [
      "DHCPACK on 10.1.2.3 to 52:54:00:aa:00:01 via eth1",
      "DHCPACK on 10.1.2.9 to 52:54:00:aa:00:02 via eth1",
      "DHCPACK on 10.1.2.4 to 52:54:00:aa:00:01 via eth1",
      "DHCPREQUEST for 10.1.2.5 from 52:54:00:aa:00:01 via eth1",
      "DHCPNAK on 10.1.2.5 to 52:54:00:aa:00:01 via eth1",
    ].join("\n");
    expect(lastAddress(log, [MAC])).toBe("10.1.2.4");
  });

  it("is of the first MAC that has one: that is the card that booted", () => {
    const log =
      "DHCPACK on 10.9.9.9 to 52:54:00:aa:00:02 via eth1\nDHCPACK on 10.1.2.3 to 52:54:00:aa:00:01 via eth1\n";
    expect(lastAddress(log, [OTHER, MAC])).toBe("10.9.9.9");
    expect(lastAddress(log, ["52:54:00:aa:00:03", MAC])).toBe("10.1.2.3");
  });

  it("reads dnsmasq's log and its leases file", () => {
    const log = "Nov 21 10:00:00 dnsmasq-dhcp[7]: DHCPACK(br0) 10.20.0.7 52:54:00:aa:00:01 pod1-node1";
    expect(lastAddress(log, [MAC])).toBe("10.20.0.7");
    const leases = `1795190000 52:54:00:aa:00:02 10.20.0.8 * *\n1795190001 52:54:00:AA:00:01 10.20.0.7 pod1 01:52:54:00:aa:00:01\n`;
    expect(lastAddress(leases, [MAC])).toBe("10.20.0.7");
    expect(lastAddress(leases, [OTHER])).toBe("10.20.0.8");
  });

  it("reads dhcpd's leases: the last block of an address counts, and one that was given back does not", () => {
    const lease = (ip: string, mac: string, state: string) =>
      `lease ${ip} {\n  starts 6 2026/11/21 10:00:00;\n  binding state ${state};\n  hardware ethernet ${mac};\n  client-hostname "x";\n}\n`;
    expect(lastAddress(lease("10.1.2.3", MAC.toUpperCase(), "active"), [MAC])).toBe("10.1.2.3");
    const moved =
      lease("10.1.2.3", MAC, "active") +
      lease("10.1.2.3", OTHER, "active") +
      lease("10.1.2.4", MAC, "active");
    expect(lastAddress(moved, [MAC])).toBe("10.1.2.4");
    expect(lastAddress(moved, [OTHER])).toBe("10.1.2.3");
    const freed = lease("10.1.2.3", MAC, "active") + lease("10.1.2.3", MAC, "free");
    expect(lastAddress(freed, [MAC])).toBeUndefined();
  });
});
