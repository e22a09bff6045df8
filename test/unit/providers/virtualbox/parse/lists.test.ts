import { describe, expect, it } from "vitest";
import {
  readExtraData,
  readMachineFolder,
  readOsTypes,
} from "../../../../../providers/virtualbox/parse/host";
import { readMedia } from "../../../../../providers/virtualbox/parse/media";
import {
  readBridged,
  readDhcpServers,
  readHostOnly,
  readNatNetworks,
} from "../../../../../providers/virtualbox/parse/networks";
import { readVmList } from "../../../../../providers/virtualbox/parse/vm-list";
import { recorded } from "../fixtures";

const VM = "3d2b9a4e-1f0c-4a7e-9a53-0c1d2e3f4a5b";

describe("lists of VBoxManage", () => {
  it("trap virtualbox#10: reads names with quotes, braces and backslashes from the right", () => {
    expect(readVmList(recorded("list-vms.txt"))).toEqual([
      { name: "plain", uuid: "7c0d8f11-52f3-4a39-8d6c-90f1e2d3c4b5" },
      { name: 'q"uote, {x} \\', uuid: VM },
    ]);
    expect(readVmList(`"a" {${VM}}" {7c0d8f11-52f3-4a39-8d6c-90f1e2d3c4b5}\n`)).toEqual([
      { name: `a" {${VM}}`, uuid: "7c0d8f11-52f3-4a39-8d6c-90f1e2d3c4b5" },
    ]);
    expect(readVmList(recorded("list-vms-inaccessible.txt"))[0]?.name).toBe("<inaccessible>");
    expect(readVmList("")).toEqual([]);
  });

  it("reads disks with parents, children and users, whatever the machine is called", () => {
    const media = readMedia(recorded("list-hdds-long.txt"), "disk");
    const at = (name: string) => media.find(({ path }) => path.endsWith(`/${name}`));
    const base = at("base.vdi");
    const linked = at("linked.vdi");
    expect(base).toMatchObject({ format: "VDI", capacityBytes: 64 << 20, accessible: true, usedBy: [] });
    expect(base?.parent).toBeUndefined();
    // The second one is under the first, without a label.
    expect(base?.children).toHaveLength(2);
    expect(base?.children).toContain(linked?.uuid);
    expect(linked).toMatchObject({ parent: base?.uuid, usedBy: [VM], format: "VDI" });
    expect(linked?.children).toHaveLength(2);
    expect(at("gone.vdi")).toMatchObject({ accessible: false, capacityBytes: 0, usedBy: [VM] });
  });

  it("trap virtualbox#28: follows a disk after a snapshot down to its base", () => {
    const media = new Map(readMedia(recorded("list-hdds-long.txt"), "disk").map((one) => [one.uuid, one]));
    const chain: string[] = [];
    const top = [...media.values()].find(
      ({ path, children }) => path.includes("/Snapshots/") && children.length === 0,
    );
    for (let next = top; next; next = media.get(next.parent ?? "")) chain.push(next.path);
    expect(chain[0]).toContain("/Snapshots/{");
    expect(chain.length).toBeGreaterThan(2);
    expect(["/home/me/vb/media/base.vdi", "/home/me/vb/media/gone.vdi"]).toContain(chain.at(-1));
  });

  it("reads one medium, and DVDs", () => {
    expect(readMedia(recorded("showmediuminfo.txt"), "disk")).toMatchObject([
      { path: "/home/me/vb/media/linked.vdi", capacityBytes: 64 << 20, usedBy: [VM] },
    ]);
    expect(readMedia(recorded("list-dvds-long.txt"), "dvd")).toMatchObject([
      {
        kind: "dvd",
        path: "/home/me/vb/media/seed.iso",
        format: "RAW",
        capacityBytes: 2 << 20,
        usedBy: [VM],
      },
    ]);
  });

  it("reads NAT networks with their IPv4 forwards, which only the long list has", () => {
    expect(readNatNetworks(recorded("list-natnets-long.txt"))).toEqual([
      {
        name: "lab",
        enabled: true,
        cidr: "10.77.0.0/24",
        gateway: "10.77.0.1",
        dhcp: true,
        ipv6: true,
        forwards: [
          {
            name: "a b",
            protocol: "tcp",
            hostIp: "127.0.0.1",
            hostPort: 2022,
            guestIp: "10.77.0.5",
            guestPort: 22,
          },
          { name: "dns", protocol: "udp", hostIp: "", hostPort: 5353, guestIp: "10.77.0.5", guestPort: 53 },
        ],
      },
      {
        name: 'odd: "n"',
        enabled: false,
        cidr: "10.78.0.0/24",
        gateway: "10.78.0.1",
        dhcp: false,
        ipv6: false,
        forwards: [],
      },
    ]);
    expect(recorded("list-natnets.txt")).not.toMatch(/Enabled|2022/);
  });

  it("reads DHCP servers with the addresses that a MAC has, and no others", () => {
    const servers = readDhcpServers(recorded("list-dhcpservers.txt"));
    expect(servers.map(({ network }) => network)).toEqual([
      "HostInterfaceNetworking-vboxnet0",
      "lab",
      "net0",
    ]);
    expect(servers[1]).toEqual({
      network: "lab",
      enabled: true,
      serverIp: "10.77.0.3",
      netmask: "255.255.255.0",
      from: "10.77.0.100",
      to: "10.77.0.200",
      hosts: [
        { mac: "08:00:27:aa:bb:01", ip: "10.77.0.5" },
        { mac: "08:00:27:aa:bb:02", ip: "10.77.0.6" },
      ],
    });
    // Its fixed address is of a machine's NIC, by UUID.
    expect(servers[2]).toMatchObject({ enabled: false, hosts: [] });
  });

  it("reads the host's cards and host-only interfaces", () => {
    expect(readBridged(recorded("list-bridgedifs.txt"))).toContain("eth0");
    // As VBoxManageList.cpp writes it: none can be made without the kernel module.
    const text = recorded("list-bridgedifs.txt").replaceAll("eth0", "vboxnet0");
    expect(readHostOnly(text)[0]).toEqual({
      interface: "vboxnet0",
      uuid: expect.stringMatching(/^[0-9a-f-]{36}$/),
      ip: "192.0.2.2",
      netmask: "255.255.255.0",
      network: "HostInterfaceNetworking-vboxnet0",
      up: true,
    });
    expect(readHostOnly("")).toEqual([]);
  });

  it("reads the machine folder, with spaces, and the guest types", () => {
    expect(readMachineFolder(recorded("list-systemproperties.txt"))).toBe("/root/VirtualBox VMs");
    expect(readOsTypes(recorded("list-ostypes.txt"))).toEqual(expect.arrayContaining(["Other", "Other_64"]));
    expect(readOsTypes("ID:          Debian_64\nDescription: Debian (64-bit)\n")).toEqual(["Debian_64"]);
  });

  it("reads extra data of several lines", () => {
    expect(readExtraData(recorded("getextradata-enumerate.txt"))).toEqual({
      "labplan/mark": "ab12cd34/dev/web",
      note: 'x\nKey of nothing, Value: "b"',
    });
    expect(readExtraData("")).toEqual({});
  });
});
