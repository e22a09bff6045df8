import { describe, expect, it } from "vitest";
import { machineDefinition } from "../../providers/virtualbox/machine.handlers";
import { networkDefinition } from "../../providers/virtualbox/network.handlers";
import { benchOf } from "./virtualbox-handlers.bench";
import { clientOf, type HandlerSystem, inventory, machine, macOf, network } from "./virtualbox-handlers.lab";

const dhcp = {
  server: "10.199.0.3",
  from: "10.199.0.100",
  to: "10.199.0.200",
  hosts: [{ mac: macOf("w1"), ip: "10.199.0.11", name: "w1" }],
};
const forwards = [
  { name: "w1-ssh", protocol: "tcp" as const, hostPort: 42200, guestIp: "10.199.0.11", guestPort: 22 },
];

const moved = forwards.map((rule) => ({ ...rule, guestIp: "10.197.0.11" }));

export function networkSuite(system: () => HandlerSystem): void {
  describe("networks", () => {
    const { apply, observe, precheck, preview, remove } = benchOf(system, networkDefinition);
    const machines = benchOf(system, machineDefinition);
    const client = () => clientOf(system());

    it("of NAT are made, edited and removed, with the DHCP server that VirtualBox would leave behind", async () => {
      const before = await inventory(system());
      const inputs = network("admin", { dhcp, forwards });
      expect(await observe(inputs)).toBeUndefined();
      const state = await apply(inputs);
      expect(state).toEqual({ ...inputs, active: true });
      expect(await preview(inputs, state)).toEqual([]);
      const edits = [
        { dhcp: { ...dhcp, from: "10.199.0.50", hosts: [] } },
        { forwards: [] },
        { forwards: [{ ...forwards[0], hostPort: 42201 }] as typeof forwards },
        { cidr: "10.197.0.0/24", gateway: "10.197.0.1", dhcp: undefined, forwards: moved },
      ];
      let known = state;
      for (const edit of edits) {
        const edited = JSON.parse(JSON.stringify({ ...known, ...edit }));
        known = await apply(edited, known);
        expect(await preview(edited, known), JSON.stringify(edit)).toEqual([]);
      }
      await remove(known);
      await remove(known);
      expect(await inventory(system())).toEqual(before);
    });

    it("that are internal are a name, and a DHCP server", async () => {
      const inputs = network("storage", { type: "intnet", dhcp: { ...dhcp, server: "10.199.0.2" } });
      const state = await apply(inputs);
      expect(await preview(inputs, state)).toEqual([]);
      await (await client()).removeDhcpServer("storage");
      expect(await preview(inputs, state)).toEqual(["gone"]);
      await remove(await apply(inputs));
      expect(await inventory(system())).toEqual({});
    });

    it("that were changed outside are told, and set right", async () => {
      const inputs = network("admin", { dhcp, forwards });
      const state = await apply(inputs);
      const c = await client();
      await c.modifyNatNetwork({
        name: "admin",
        cidr: "10.196.0.0/24",
        dhcp: true,
        forwards: [],
        enabled: false,
      });
      await c.modifyDhcpServer({
        network: "admin",
        serverIp: dhcp.server,
        netmask: "255.255.255.0",
        from: "10.199.0.150",
        to: dhcp.to,
        hosts: [],
      });
      expect((await preview(inputs, state)).sort()).toEqual([
        "active",
        "cidr",
        "dhcp",
        "forwards",
        "gateway",
      ]);
      const after = await apply(inputs, state);
      expect(await preview(inputs, after)).toEqual([]);
    });

    it("of others are told in the preview, never touched, and adopted when told so", async () => {
      const c = await client();
      await c.addNatNetwork({ name: "admin", cidr: "10.195.0.0/24", dhcp: false, forwards: [] });
      const before = await inventory(system());
      const inputs = network("admin", { cidr: "10.195.0.0/24", gateway: "10.195.0.1" });
      expect(await precheck(inputs)).toEqual([
        {
          field: "name",
          message: expect.stringContaining('network "admin" exists and was not made by this lab'),
        },
      ]);
      expect(await observe(inputs)).toBeUndefined();
      await expect(apply(inputs)).rejects.toThrow(/left alone/);
      await remove({ ...inputs, active: true });
      expect(await inventory(system())).toEqual(before);

      const adopted = await apply({ ...inputs, adopt: true });
      expect(adopted).toMatchObject({ adopted: true });
      await remove(adopted);
      expect(await inventory(system())).toEqual(before);
      const again = await apply({ ...inputs, adopt: true, onDestroy: "delete" });
      await remove(again);
      expect(await inventory(system())).toEqual({});
    });

    it("that are host-only get an interface, whose name VirtualBox chooses, and cards find it", async () => {
      if (!system().hasHostOnly) return;
      const c = await client();
      const theirs = await c.createHostOnly();
      const inputs = network("lp-host", {
        type: "hostonly",
        cidr: "192.168.57.0/24",
        gateway: "192.168.57.1",
        dhcp: { server: "192.168.57.2", from: "192.168.57.100", to: "192.168.57.200", hosts: [] },
      });
      const before = await inventory(system());
      const state = await apply(inputs);
      expect(state.interface).toMatch(/^vboxnet\d+$/);
      expect(state.interface).not.toBe(theirs);
      expect(await preview(inputs, state)).toEqual([]);
      const vm = await machines.apply(
        machine("w1", { nics: [{ type: "hostonly", attachment: "lp-host", mac: macOf("w1") }] }),
      );
      expect((await c.vm(vm.uuid))?.nics).toMatchObject([{ type: "hostonly", attachment: state.interface }]);
      expect(await machines.preview(vm, vm)).toEqual([]);
      await machines.remove(vm);
      await remove(state);
      expect(await inventory(system())).toEqual(before);
    });
  });
}
