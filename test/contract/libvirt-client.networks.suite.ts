import { beforeAll, describe, expect, it } from "vitest";
import type { LibvirtClient } from "../../providers/libvirt/client";
import { encode } from "../../providers/libvirt/rpc/call";
import { writeNetwork } from "../../providers/libvirt/rpc/references";
import { connectRpc, fresh, type LibvirtSystem, networkXml } from "./libvirt-client.fixtures";

const host = (last: number, ip: number, name: string) =>
  `<host mac='52:54:00:00:00:0${last}' name='${name}' ip='192.168.150.${ip}'/>`;

export function networkContract(system: () => LibvirtSystem, connect: () => Promise<LibvirtClient>): void {
  describe("networks", () => {
    let client: LibvirtClient;
    beforeAll(async () => {
      client = await connect();
    });

    it("live from define to undefine", async () => {
      const name = fresh("life");
      const network = await client.networkDefine(networkXml({ name, subnet: 151 }));
      expect(network.name).toBe(name);
      expect(await client.networkByName(name)).toEqual(network);
      expect(await client.networkByUuid(network.uuid)).toEqual(network);
      expect(await client.networks()).toContainEqual(network);
      expect(await client.networkIsActive(network)).toBe(false);

      await client.networkStart(network);
      expect(await client.networkIsActive(network)).toBe(true);
      expect(await client.networkXml(network)).toContain("192.168.151.1");
      expect(await client.networkLeases(network)).toEqual([]);
      expect(await client.networkAutostart(network)).toBe(false);
      await client.networkSetAutostart(network, true);
      expect(await client.networkAutostart(network)).toBe(true);

      await client.networkDestroy(network);
      expect(await client.networkIsActive(network)).toBe(false);
      await client.networkUndefine(network);
      expect(await client.networkByName(name)).toBeUndefined();
      expect(await client.networkByUuid(network.uuid)).toBeUndefined();
    });

    it("trap libvirt#38: are destroyed and undefined again without an error", async () => {
      const network = await client.networkDefine(networkXml({ subnet: 152 }));
      await client.networkDestroy(network);
      await client.networkUndefine(network);
      await client.networkDestroy(network);
      await client.networkUndefine(network);
    });

    it("answer a question about one that is gone with code 43", async () => {
      const network = await client.networkDefine(networkXml({ subnet: 153 }));
      await client.networkUndefine(network);
      await expect(client.networkXml(network)).rejects.toMatchObject({ name: "LibvirtError", code: 43 });
    });

    describe("change while they run", () => {
      const started = async (hosts = "") => {
        await gone();
        const network = await client.networkDefine(networkXml({ name: "ct-update", hosts }));
        await client.networkStart(network);
        return network;
      };
      const gone = async () => {
        const network = await client.networkByName("ct-update");
        if (!network) return;
        await client.networkDestroy(network);
        await client.networkUndefine(network);
      };

      it("add, modify and delete a reservation, now and for later", async () => {
        const network = await started();
        await client.networkUpdate(network, "add", "dhcp-host", host(1, 10, "one"), "both");
        expect(await client.networkXml(network)).toContain(host(1, 10, "one"));
        expect(await client.networkXml(network, { inactive: true })).toContain(host(1, 10, "one"));

        await client.networkUpdate(network, "modify", "dhcp-host", host(1, 11, "uno"), "both");
        expect(await client.networkXml(network)).toContain(host(1, 11, "uno"));

        await client.networkUpdate(network, "delete", "dhcp-host", host(1, 11, "uno"), "both");
        expect(await client.networkXml(network)).not.toContain("<host");
        expect(await client.networkXml(network, { inactive: true })).not.toContain("<host");
      });

      it("change in the scope asked for", async () => {
        const network = await started();
        await client.networkUpdate(network, "add", "dhcp-host", host(1, 10, "one"), "config");
        expect(await client.networkXml(network)).not.toContain("<host");
        expect(await client.networkXml(network, { inactive: true })).toContain(host(1, 10, "one"));
      });

      it("add and delete a range and a name", async () => {
        const network = await started();
        const range = "<range start='192.168.150.30' end='192.168.150.40'/>";
        await client.networkUpdate(network, "add", "dhcp-range", range, "both");
        expect(await client.networkXml(network)).toContain("192.168.150.30");
        await client.networkUpdate(network, "delete", "dhcp-range", range, "both");
        expect(await client.networkXml(network)).not.toContain("192.168.150.30");
        const name = "<host ip='192.168.150.9'><hostname>nine</hostname></host>";
        await client.networkUpdate(network, "add", "dns-host", name, "both");
        expect(await client.networkXml(network)).toContain("<hostname>nine</hostname>");
      });

      it("trap libvirt#30: modify with an unknown MAC and a known address rewrites that other entry, so read back", async () => {
        const network = await started(host(1, 10, "one"));
        await client.networkUpdate(network, "modify", "dhcp-host", host(2, 10, "two"), "both");
        const xml = await client.networkXml(network);
        expect(xml).toContain(host(2, 10, "two"));
        expect(xml).not.toContain("52:54:00:00:00:01");
      });

      it("trap libvirt#31: answer a duplicate add and a missing delete with code 55", async () => {
        const network = await started(host(1, 10, "one"));
        const update = (command: "add" | "delete", xml: string) =>
          client.networkUpdate(network, command, "dhcp-host", xml, "both");
        await expect(update("add", host(1, 10, "one"))).rejects.toMatchObject({ code: 55 });
        await expect(update("delete", host(3, 30, "three"))).rejects.toMatchObject({ code: 55 });
      });

      it("trap libvirt#34: need to run for a change of both scopes", async () => {
        const network = await started();
        await client.networkDestroy(network);
        await expect(
          client.networkUpdate(network, "add", "dhcp-host", host(1, 10, "one"), "both"),
        ).rejects.toMatchObject({ code: 55 });
        await client.networkUpdate(network, "add", "dhcp-host", host(1, 10, "one"), "config");
        expect(await client.networkXml(network)).toContain(host(1, 10, "one"));
      });

      it("trap libvirt#29: answer a change of bridge, domain and address with code 84", async () => {
        const network = await started();
        const rpc = await connectRpc(system());
        const sections = {
          bridge: [1, "<bridge name='x'/>"],
          domain: [2, "<domain name='x'/>"],
          ip: [3, "<ip/>"],
        };
        for (const [section, xml] of Object.values(sections)) {
          const args = encode((writer) =>
            writeNetwork(writer, network)
              .u32(1)
              .u32(section as number)
              .i32(-1)
              .string(xml as string)
              .u32(3),
          );
          await expect(rpc.call("networkUpdate", args)).rejects.toMatchObject({ code: 84 });
        }
        await rpc.close();
        await gone();
      });
    });
  });
}
