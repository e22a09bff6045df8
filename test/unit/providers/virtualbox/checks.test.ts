import { describe, expect, it } from "vitest";
import { checkPort, macForVirtualBox, macInPlan } from "../../../../providers/virtualbox/checks";
import type { NicSettings } from "../../../../providers/virtualbox/client";
import { nicOptions, ruleOf } from "../../../../providers/virtualbox/nic-options";
import { recorded } from "./fixtures";

const nat = (more: Partial<NicSettings> = {}): NicSettings => ({ slot: 1, type: "nat", ...more });

describe("what is checked before VirtualBox is asked", () => {
  it("trap virtualbox#19: takes ports from 1 to 65535 only, where VirtualBox takes 70000 for 4464", () => {
    expect(recorded("port-overflow.txt")).toContain("127.0.0.1,4464,");
    expect(recorded("port-overflow.txt")).toContain("127.0.0.1,0,");
    expect([1, 22, 65_535].map((port) => checkPort(port, "p"))).toEqual([1, 22, 65_535]);
    for (const port of [0, -1, 65_536, 70_000, 22.5, Number.NaN])
      expect(() => checkPort(port, 'host port of "ssh"')).toThrow(/^host port of "ssh": .* is no port/);
    const forward = { name: "ssh", protocol: "tcp" as const, hostPort: 2222, guestPort: 22 };
    expect(ruleOf(forward)).toBe("ssh,tcp,127.0.0.1,2222,,22");
    expect(() => ruleOf({ ...forward, hostPort: 70_000 })).toThrow(/70000 is no port/);
    expect(() => ruleOf({ ...forward, guestPort: 0 })).toThrow(/guest port of "ssh": 0/);
    expect(() => ruleOf({ ...forward, name: "a,b" })).toThrow(/"a,b" cannot name a forwarded port/);
  });

  it("trap virtualbox#14: writes MACs without colons and reads them with, in lower case", () => {
    expect(macForVirtualBox("08:00:27:aa:bb:01")).toBe("080027AABB01");
    expect(macForVirtualBox("08-00-27-AA-BB-01")).toBe("080027AABB01");
    expect(macInPlan("080027AABB01")).toBe("08:00:27:aa:bb:01");
    expect(macInPlan(macForVirtualBox("52:54:00:0a:0b:0c"))).toBe("52:54:00:0a:0b:0c");
    for (const bad of ["080027AABB", "08:00:27:aa:bb:0g", ""])
      expect(() => macForVirtualBox(bad)).toThrow(/no MAC address/);
    expect(() => macForVirtualBox("01:00:5e:00:00:01")).toThrow(/multicast/);
    expect(nicOptions(nat({ mac: "08:00:27:aa:bb:01" }))).toContain("080027AABB01");
  });

  it("trap virtualbox#18: switches TFTP on with its options", () => {
    const tftp = { enabled: true, prefix: "/srv/tftp", bootFile: "ipxe.pxe", nextServer: "10.0.2.4" };
    const options = nicOptions(nat({ tftp }));
    const at = options.indexOf("--nat-enable-tftp1");
    expect(options.slice(at)).toEqual([
      ...["--nat-enable-tftp1", "on", "--nat-tftp-prefix1", "/srv/tftp"],
      ...["--nat-tftp-file1", "ipxe.pxe", "--nat-tftp-server1", "10.0.2.4"],
    ]);
    expect(nicOptions(nat()).join(" ")).not.toContain("tftp");
  });

  it("writes a NIC of each kind, and refuses what VirtualBox has not", () => {
    expect(nicOptions({ slot: 2, type: "none" })).toEqual(["--nic2", "none"]);
    expect(
      nicOptions({ slot: 3, type: "bridged", attachment: "eth0", model: "e1000", cable: false }),
    ).toEqual([
      ...[
        "--nic3",
        "bridged",
        "--bridge-adapter3",
        "eth0",
        "--nic-type3",
        "82540EM",
        "--cable-connected3",
        "off",
      ],
    ]);
    const generic: NicSettings = {
      slot: 1,
      type: "generic",
      attachment: "UDPTunnel",
      properties: { dest: "10.0.0.1" },
    };
    expect(nicOptions(generic).join(" ")).toContain(
      "--nic-generic-drv1 UDPTunnel --nic-property1 dest=10.0.0.1",
    );
    expect(() => nicOptions(nat({ model: "rtl8139" }))).toThrow(/no rtl8139/);
    expect(() => nicOptions(nat({ slot: 9 }))).toThrow(/at most 8/);
    expect(() => nicOptions({ slot: 1, type: "intnet" })).toThrow(/needs what it is attached to/);
  });
});
