import { describe, expect, it } from "vitest";
import { VirtualBoxError } from "../../providers/virtualbox/client";
import { type Bench, fresh } from "./virtualbox-client.fixtures";

/** NAT networks, DHCP servers, host-only interfaces. */
export function networkContract(bench: () => Bench): void {
  describe("networks", () => {
    it("makes a NAT network, changes what differs in it, and removes it", async () => {
      const { client } = bench();
      const name = fresh("net {x}");
      const ssh = {
        name: "ssh to web",
        protocol: "tcp",
        hostIp: "127.0.0.1",
        hostPort: 2022,
        guestIp: "10.77.0.5",
        guestPort: 22,
      } as const;
      const dns = {
        name: "dns",
        protocol: "udp",
        hostIp: "",
        hostPort: 5353,
        guestIp: "10.77.0.5",
        guestPort: 53,
      } as const;
      const found = async () => (await client.natNetworks()).find((network) => network.name === name);
      expect(await found()).toBeUndefined();
      await client.addNatNetwork({ name, cidr: "10.77.0.0/24", dhcp: true, forwards: [ssh, dns] });
      const facts = {
        name,
        cidr: "10.77.0.0/24",
        gateway: "10.77.0.1",
        dhcp: true,
        enabled: true,
        ipv6: false,
      };
      const made = await found();
      expect({ ...made, forwards: made?.forwards.length }).toEqual({ ...facts, forwards: 2 });
      expect(made?.forwards).toEqual(expect.arrayContaining([ssh, dns]));
      await client.modifyNatNetwork({
        ...{ name, cidr: "10.78.0.0/24", dhcp: false, enabled: false },
        forwards: [dns, { ...ssh, hostPort: 2023 }],
      });
      const changed = await found();
      expect(changed).toMatchObject({
        cidr: "10.78.0.0/24",
        gateway: "10.78.0.1",
        dhcp: false,
        enabled: false,
      });
      expect(changed?.forwards.map(({ hostPort }) => hostPort).sort((a, b) => a - b)).toEqual([2023, 5353]);
      await client.modifyNatNetwork({ name, cidr: "10.78.0.0/24", dhcp: true, forwards: [] });
      expect(await found()).toMatchObject({ forwards: [], enabled: true });
      await client.removeNatNetwork(name);
      await client.removeNatNetwork(name);
      expect(await found()).toBeUndefined();
    });

    it("trap virtualbox#5: tells a NAT network that exists from a syntax error", async () => {
      const { client } = bench();
      const network = { name: fresh("net"), cidr: "10.79.0.0/24", dhcp: false, forwards: [] };
      await client.addNatNetwork(network);
      const again = await client.addNatNetwork(network).catch((error: unknown) => error);
      expect(again).toBeInstanceOf(VirtualBoxError);
      expect(again).toMatchObject({
        exit: 2,
        failure: "final",
        message: expect.stringContaining("already exists"),
      });
      await client.removeNatNetwork(network.name);
      await expect(client.modifyNatNetwork(network)).rejects.toMatchObject({ failure: "gone" });
    });

    it("trap virtualbox#19: refuses ports that VirtualBox would take modulo 65536", async () => {
      const { client, machine } = bench();
      const forward = { name: "big", protocol: "tcp", hostPort: 70_000, guestPort: 22 } as const;
      const vm = await machine();
      const wanted = { name: fresh("net"), cidr: "10.79.0.0/24", dhcp: false };
      await expect(
        client.modifyVm(vm.uuid, { nics: [{ slot: 1, type: "nat", forwards: [forward] }] }),
      ).rejects.toThrow(/70000 is no port/);
      await expect(
        client.addNatNetwork({ ...wanted, forwards: [{ ...forward, guestIp: "10.79.0.5" }] }),
      ).rejects.toThrow(/70000 is no port/);
      expect((await client.vm(vm.uuid))?.nics[0]?.nat?.forwards).toEqual([]);
      expect((await client.natNetworks()).map(({ name }) => name)).not.toContain(wanted.name);
      await client.deleteVm(vm.uuid);
    });

    it("gives an internal network a DHCP server, with fixed addresses by MAC", async () => {
      const { client } = bench();
      const network = fresh("intnet");
      const hosts = [
        { mac: "08:00:27:aa:bb:01", ip: "10.5.0.77" },
        { mac: "52:54:00:AA:BB:02", ip: "10.5.0.78" },
      ];
      const server = {
        network,
        serverIp: "10.5.0.1",
        netmask: "255.255.255.0",
        from: "10.5.0.10",
        to: "10.5.0.20",
      };
      const found = async () => (await client.dhcpServers()).find((one) => one.network === network);
      await client.addDhcpServer({ ...server, hosts });
      const lower = hosts.map(({ mac, ip }) => ({ mac: mac.toLowerCase(), ip }));
      expect(await found()).toEqual({ ...server, enabled: true, hosts: lower });
      const again = await client.addDhcpServer({ ...server, hosts }).catch((error: unknown) => error);
      expect(again).toMatchObject({ failure: "final", message: expect.stringContaining("already exists") });
      const moved = [
        { mac: "08:00:27:aa:bb:01", ip: "10.5.0.79" },
        { mac: "08:00:27:aa:bb:03", ip: "10.5.0.80" },
      ];
      await client.modifyDhcpServer({ ...server, to: "10.5.0.30", enabled: false, hosts: moved });
      expect(await found()).toEqual({ ...server, to: "10.5.0.30", enabled: false, hosts: moved });
      await client.removeDhcpServer(network);
      await client.removeDhcpServer(network);
      expect(await found()).toBeUndefined();
    });

    it("gives a NAT network fixed addresses through a DHCP server of its name", async () => {
      const { client } = bench();
      const name = fresh("net");
      await client.addNatNetwork({ name, cidr: "10.80.0.0/24", dhcp: true, forwards: [] });
      const hosts = [{ mac: "08:00:27:aa:bb:01", ip: "10.80.0.50" }];
      const range = {
        serverIp: "10.80.0.3",
        netmask: "255.255.255.0",
        from: "10.80.0.100",
        to: "10.80.0.200",
      };
      await client.addDhcpServer({ network: name, ...range, hosts });
      expect((await client.dhcpServers()).find(({ network }) => network === name)?.hosts).toEqual(hosts);
      expect((await client.natNetworks()).find((network) => network.name === name)?.dhcp).toBe(true);
      await client.removeDhcpServer(name);
      await client.removeNatNetwork(name);
    });

    it("makes a host-only interface where it can", async () => {
      const { client, system } = bench();
      if (!system.hasHostOnly) return;
      const name = await client.createHostOnly();
      expect(name).toMatch(/^vboxnet\d+$/);
      await client.configureHostOnly(name, { ip: "192.168.56.1", netmask: "255.255.255.0" });
      const found = (await client.hostOnlyInterfaces()).find((one) => one.interface === name);
      expect(found).toMatchObject({
        ip: "192.168.56.1",
        netmask: "255.255.255.0",
        network: `HostInterfaceNetworking-${name}`,
      });
      await client.removeHostOnly(name);
      await client.removeHostOnly(name);
      expect(await client.hostOnlyInterfaces()).toEqual([]);
    });

    it("trap virtualbox#32: says which device host-only interfaces need", async () => {
      const { client, system } = bench();
      await client.removeHostOnly("vboxnet77");
      if (system.hasHostOnly) return;
      await expect(client.createHostOnly()).rejects.toThrow(/failed to open \/dev\/vboxnetctl/);
      expect(await client.hostOnlyInterfaces()).toEqual([]);
    });
  });
}
