import { afterEach, beforeAll, describe, expect, it } from "vitest";
import { changesOf } from "../../providers/core/change";
import { ForeignObjectError } from "../../providers/core/errors";
import type { LibvirtClient } from "../../providers/libvirt/client";
import { clientFor } from "../../providers/libvirt/clients";
import { domainDefinition } from "../../providers/libvirt/domain.handlers";
import type { NetworkInputs, NetworkState } from "../../providers/libvirt/network";
import { networkDefinition } from "../../providers/libvirt/network.handlers";
import { readNetwork } from "../../providers/libvirt/xml/network";
import { parseXml } from "../../providers/libvirt/xml/parse";
import { domain, type HandlerSystem, macOf, network, snapshot, uuidOf, wipe } from "./libvirt-handlers.lab";
import { newTrace, runOn, up } from "./libvirt-handlers.run";

export function networkSuite(system: () => HandlerSystem): void {
  describe("networks", () => {
    let client: LibvirtClient;
    beforeAll(async () => {
      client = await clientFor({ backend: system().backend });
    });
    afterEach(() => wipe(client));

    const run = (name: string, options: Parameters<typeof runOn>[1] = {}) =>
      runOn<NetworkState>(system().backend, { name, ...options });
    const apply = (inputs: NetworkInputs, known?: NetworkState) =>
      up(networkDefinition, inputs, run(inputs.name), known);
    const ref = (name: string) => ({ name, uuid: uuidOf(name) });
    /** What a refresh and the preview after it would say. */
    async function preview(inputs: NetworkInputs, state: NetworkState) {
      const seen = await networkDefinition.observe(state, run(inputs.name), state);
      if (!seen) return "gone";
      const { fields, drifted } = changesOf(networkDefinition, { ...seen }, { ...inputs });
      return [
        ...fields.map((change) => `${change.field} ${change.class}`),
        ...drifted.map(({ field }) => field),
      ];
    }
    const both = async (name: string) => [
      readNetwork(parseXml(await client.networkXml(ref(name)))),
      readNetwork(parseXml(await client.networkXml(ref(name), { inactive: true }))),
    ];

    const lease = (machine: string, ip: string) => ({ mac: macOf(machine), ip, hostName: machine });
    const served: Partial<NetworkInputs> = {
      dhcp: { from: "10.199.0.100", to: "10.199.0.200" },
      leases: [lease("a", "10.199.0.11"), lease("b", "10.199.0.12")].sort((x, y) => (x.mac < y.mac ? -1 : 1)),
    };

    it.each([
      ["nat", { ...served, domain: "lab.test", mtu: 1400, ipv6: { cidr: "fd00:199::/64" } }],
      ["isolated", {}],
      ["routed", served],
      ["open", {}],
    ] as const)("makes one of mode %s, and sees nothing to change afterwards", async (mode, more) => {
      const inputs = network("net", { mode, ...more } as Partial<NetworkInputs>);
      const state = await apply(inputs);
      expect(state).toEqual({ ...inputs, active: true });
      expect(await preview(inputs, state)).toEqual([]);
      await networkDefinition.remove(state, run("net"));
      expect(await client.networks()).toEqual([]);
    });

    it("trap kickstart-pxe#34, kickstart-pxe#38: sends iPXE alone to the boot server, and keeps that through edits of the reservations", async () => {
      const boot = { url: "http://10.199.0.1:8069/boot.ipxe" };
      const inputs = network("net", { ...served, boot });
      const state = await apply(inputs);
      expect(state).toEqual({ ...inputs, active: true });
      expect(await preview(inputs, state)).toEqual([]);
      const edited = { ...inputs, leases: (inputs.leases ?? []).slice(1) };
      const after = await apply(edited, state);
      for (const facts of await both("net")) expect(facts).toMatchObject({ boot, hosts: edited.leases });
      expect(await preview(edited, after)).toEqual([]);
      // For everyone, it would be the preseed of an installer that has one of its own.
      expect(await client.networkXml(ref("net"))).not.toContain("<bootp");
    });

    it("says that another boot server, or none, needs the network made anew, and sees one that was taken out", async () => {
      const { boot, ...without } = network("net", {
        ...served,
        boot: { url: "http://10.199.0.1:8069/boot.ipxe" },
      });
      const state = await apply({ ...without, ...(boot ? { boot } : {}) });
      expect(await preview({ ...without, boot: { url: "http://10.199.0.1:9000/boot.ipxe" } }, state)).toEqual(
        ["boot recreate"],
      );
      expect(await preview(without, state)).toEqual(["boot recreate"]);
      const xml = await client.networkXml(ref("net"), { inactive: true });
      await client.networkDefine(xml.replace(/<dnsmasq:options>[\s\S]*<\/dnsmasq:options>/, ""));
      expect(await preview({ ...without, ...(boot ? { boot } : {}) }, state)).toEqual(["boot recreate"]);
      expect(await apply({ ...without, ...(boot ? { boot } : {}) }, state)).toEqual(state);
      expect((await both("net"))[0]?.boot).toEqual(boot);
    });

    it("makes one over a bridge of the host", async () => {
      const { cidr, gateway, ...rest } = network("onbridge", { mode: "bridge", bridge: "adm0" });
      const state = await apply(rest);
      expect(await preview(rest, state)).toEqual([]);
      expect(await client.networkXml(ref("onbridge"))).toContain("<forward mode='bridge'/>");
    });

    it("edits the range and the reservations of one in use: live, and in what is kept", async () => {
      const inputs = network("net", served);
      const state = await apply(inputs);
      const leases = [lease("a", "10.199.0.21"), lease("c", "10.199.0.12")].sort((x, y) =>
        x.mac < y.mac ? -1 : 1,
      );
      const edited = { ...inputs, dhcp: { from: "10.199.0.30", to: "10.199.0.60" }, leases, autostart: true };
      expect(await preview(edited, state)).toEqual(["dhcp live", "leases live", "autostart live"]);
      const after = await apply(edited, state);
      expect(after).toEqual({ ...edited, active: true });
      expect(await preview(edited, after)).toEqual([]);
      for (const facts of await both("net")) {
        expect(facts.hosts).toHaveLength(2);
        expect(facts.hosts).toEqual(expect.arrayContaining(leases));
        expect(facts.ranges).toEqual([edited.dhcp]);
      }
      expect(await client.networkAutostart(ref("net"))).toBe(true);
    });

    it("takes DHCP away again", async () => {
      const { dhcp, leases, ...without } = network("net", served);
      const state = await apply({ ...without, dhcp: served.dhcp, leases: served.leases } as NetworkInputs);
      const after = await apply(without, state);
      for (const facts of await both("net")) expect([facts.hosts, facts.ranges]).toEqual([[], []]);
      expect(await preview(without, after)).toEqual([]);
    });

    it("trap libvirt#30: a new reservation with a known address never rewrites somebody else's by accident", async () => {
      const inputs = network("net", served);
      const state = await apply(inputs);
      const foreign = { mac: "52:54:00:99:99:99", ip: "10.199.0.77", hostName: "guestbook" };
      const host = `<host mac='${foreign.mac}' name='${foreign.hostName}' ip='${foreign.ip}'/>`;
      await client.networkUpdate(ref("net"), "add", "dhcp-host", host, "both");
      const leases = [...(inputs.leases ?? []), lease("d", "10.199.0.13")].sort((x, y) =>
        x.mac < y.mac ? -1 : 1,
      );
      await apply({ ...inputs, leases }, state);
      for (const facts of await both("net")) {
        expect(facts.hosts).toHaveLength(4);
        expect(facts.hosts).toEqual(expect.arrayContaining([...leases, foreign]));
      }
    });

    it("trap libvirt#31: what another tool added or deleted already is no error", async () => {
      const inputs = network("net", served);
      const state = await apply(inputs);
      const [first] = inputs.leases ?? [];
      const host = `<host mac='${first?.mac}' name='${first?.hostName}' ip='${first?.ip}'/>`;
      await client.networkUpdate(ref("net"), "delete", "dhcp-host", host, "live");
      expect(await preview(inputs, state)).toEqual(["leases live"]);
      expect(await apply(inputs, state)).toEqual(state);
      await client.networkUpdate(ref("net"), "delete", "dhcp-host", host, "both");
      expect(await apply({ ...inputs, leases: (inputs.leases ?? []).slice(1) }, state)).toMatchObject({
        leases: (inputs.leases ?? []).slice(1),
      });
    });

    it("trap libvirt#29: what libvirt cannot change in place is made anew, and said so", async () => {
      const inputs = network("net", served);
      const state = await apply(inputs);
      const moved = { ...inputs, cidr: "10.198.0.0/24", gateway: "10.198.0.1", mtu: 1300 };
      expect(await preview(moved, state)).toEqual(["cidr recreate", "gateway recreate", "mtu recreate"]);
    });

    it("trap libvirt#34: a stopped network is started before it is edited live", async () => {
      const inputs = network("net", served);
      const state = await apply(inputs);
      await client.networkDestroy(ref("net"));
      const leases = [lease("e", "10.199.0.40")];
      expect(await apply({ ...inputs, leases }, state)).toMatchObject({ leases, active: true });
      for (const facts of await both("net")) expect(facts.hosts).toEqual(leases);
    });

    it("trap libvirt#49: a reservation or an address that somebody added outside replaces nothing", async () => {
      const inputs = network("net", served);
      const state = await apply(inputs);
      const host = "<host mac='52:54:00:99:99:98' name='other' ip='10.199.0.78'/>";
      await client.networkUpdate(ref("net"), "add", "dhcp-host", host, "both");
      const xml = await client.networkXml(ref("net"), { inactive: true });
      await client.networkDefine(
        xml.replace("</network>", "<ip family='ipv6' address='fd00:9::1' prefix='64'/></network>"),
      );
      expect(await preview(inputs, state)).toEqual([]);
    });

    it("trap libvirt#51: a network stopped outside is seen and started again", async () => {
      const inputs = network("net");
      const state = await apply(inputs);
      await client.networkDestroy(ref("net"));
      expect(await preview(inputs, state)).toEqual(["active"]);
      expect(await apply(inputs, state)).toMatchObject({ active: true });
      expect(await client.networkIsActive(ref("net"))).toBe(true);
    });

    it("sees what was edited outside and contradicts the plan", async () => {
      const inputs = network("net", { ...served, mode: "nat", mtu: 1400 });
      const state = await apply(inputs);
      const xml = await client.networkXml(ref("net"), { inactive: true });
      await client.networkDefine(
        xml.replace("size='1400'", "size='9000'").replace("mode='nat'", "mode='open'"),
      );
      await client.networkSetAutostart(ref("net"), true);
      expect(await preview(inputs, state)).toEqual(["mode recreate", "mtu recreate", "autostart live"]);
    });

    it("is gone when somebody undefined it", async () => {
      const inputs = network("net");
      const state = await apply(inputs);
      await client.networkDestroy(ref("net"));
      await client.networkUndefine(ref("net"));
      expect(await preview(inputs, state)).toBe("gone");
      await networkDefinition.remove(state, run("net"));
    });

    it("is made anew after a killed run with other settings, but not under running machines", async () => {
      const inputs = network("net");
      await apply(inputs);
      const machine = domain("w1", { nics: [{ mac: macOf("w1"), network: "net" }], running: true });
      const made = await up(domainDefinition, machine, runOn(system().backend, { name: "w1" }));
      const moved = { ...inputs, cidr: "10.198.0.0/24", gateway: "10.198.0.1" };
      await expect(apply(moved)).rejects.toThrow(/made anew .*but 1 running domain/);
      expect(await client.domainState({ name: "w1", uuid: machine.uuid, id: -1 })).toBe("running");
      await domainDefinition.remove(made, runOn(system().backend, { name: "w1" }));
      expect(await apply(moved)).toMatchObject({ cidr: "10.198.0.0/24", active: true });
    });

    it("follows the user's own template, and makes it anew when its text changes", async () => {
      const template =
        "<network><bridge name='{{ bridge }}'/><ip address='{{ gateway }}' prefix='{{ prefix }}'/></network>";
      const inputs = network("net", { template });
      const state = await apply(inputs);
      expect(await preview(inputs, state)).toEqual([]);
      expect(await preview({ ...inputs, template: `${template} ` }, state)).toEqual(["template recreate"]);
      // A killed run had the older text.
      await apply({ ...inputs, template: template.replace("<ip", "<mtu size='1300'/><ip") });
      expect(readNetwork(parseXml(await client.networkXml(ref("net")))).mtu).toBe(1300);
    });

    it("never touches a network that is not ours, unless told to adopt it", async () => {
      const foreign = await client.networkDefine(
        "<network><name>net</name><bridge name='fgn0' stp='off'/><ip address='10.199.0.1' netmask='255.255.255.0'/></network>",
      );
      const before = await snapshot(client);
      const inputs = network("net");
      expect(await networkDefinition.precheck?.(inputs, run("net"))).toEqual([
        {
          field: "name",
          message: expect.stringMatching(/network "net" exists and was not made by this lab/),
        },
      ]);
      expect(await networkDefinition.observe(inputs, run("net"))).toBeUndefined();
      await expect(apply(inputs)).rejects.toThrow(ForeignObjectError);
      await networkDefinition.remove({ ...inputs, active: true }, run("net"));
      expect(await snapshot(client)).toEqual(before);

      const adopting = { ...inputs, adopt: true };
      expect(await networkDefinition.precheck?.(adopting, run("net"))).toEqual([]);
      const state = await apply(adopting);
      expect(state).toMatchObject({ adopted: true, active: true, uuid: inputs.uuid });
      expect(await preview(adopting, state)).toEqual([]);
      expect(await client.networkXml(foreign, { inactive: true })).toContain("labplan:mark");
      await networkDefinition.remove(state, run("net"));
      const released = await client.networkXml(foreign, { inactive: true });
      expect(released).toContain("fgn0");
      expect(released).not.toContain("labplan");
      expect(await client.networkIsActive(foreign)).toBe(true);
    });

    it("adopts only what is as written, and deletes it when told to", async () => {
      await client.networkDefine(
        "<network><name>net</name><bridge name='fgn0' stp='off'/><ip address='10.1.0.1' netmask='255.255.255.0'/></network>",
      );
      const inputs = network("net", { adopt: true, onDestroy: "delete" });
      const message = expect.stringContaining('cidr is "10.1.0.0/24", planned "10.199.0.0/24"');
      expect(await networkDefinition.precheck?.(inputs, run("net"))).toEqual([{ field: "adopt", message }]);
      await expect(apply(inputs)).rejects.toThrow(/cannot be adopted as written/);
      const state = await apply({ ...inputs, cidr: "10.1.0.0/24", gateway: "10.1.0.1" });
      await networkDefinition.remove(state, run("net"));
      expect(await client.networks()).toEqual([]);
    });

    it("does not take over what another lab or stack has marked", async () => {
      const inputs = network("net");
      await up(networkDefinition, inputs, run("net", { mark: { stack: "other" } }));
      const before = await snapshot(client);
      const message = expect.stringContaining("belongs to ct8handl/other/net");
      expect(await networkDefinition.precheck?.({ ...inputs, adopt: true }, run("net"))).toEqual([
        { field: "name", message },
      ]);
      await expect(apply({ ...inputs, adopt: true })).rejects.toThrow(ForeignObjectError);
      const trace = newTrace();
      await networkDefinition.remove({ ...inputs, active: true }, run("net", { trace }));
      expect(trace.said).toEqual([expect.stringContaining("does not carry our mark")]);
      expect(await snapshot(client)).toEqual(before);
    });
  });
}
