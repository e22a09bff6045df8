import { randomUUID } from "node:crypto";
import { beforeAll, describe, expect, it } from "vitest";
import type { DomainEvent, LibvirtClient } from "../../providers/libvirt/client";
import { domainXml, fresh, type LibvirtSystem, makePool, makeVolume } from "./libvirt-client.fixtures";

const MARK_URI = "https://labplan.test/mark";

export function domainContract(system: () => LibvirtSystem, connect: () => Promise<LibvirtClient>): void {
  describe("domains", () => {
    let client: LibvirtClient;
    beforeAll(async () => {
      client = await connect();
    });

    it("live from define to undefine", async () => {
      const [name, uuid] = [fresh("life"), randomUUID()];
      const defined = await client.domainDefine(domainXml({ name, uuid }));
      expect(defined).toEqual({ name, uuid, id: -1 });
      expect(await client.domainByName(name)).toEqual(defined);
      expect(await client.domainByUuid(uuid)).toEqual(defined);
      expect(await client.domains()).toContainEqual(defined);
      expect(await client.domainState(defined)).toBe("shutoff");

      const started = await client.domainStart(defined);
      expect(started.id).toBeGreaterThan(0);
      expect(await client.domainState(started)).toBe("running");
      expect((await client.domainByName(name))?.id).toBe(started.id);

      await client.domainDestroy(started);
      expect(await client.domainState(started)).toBe("shutoff");
      await client.domainUndefine(started);
      expect(await client.domainByName(name)).toBeUndefined();
      expect(await client.domainByUuid(uuid)).toBeUndefined();
      expect((await client.domains()).map((domain) => domain.name)).not.toContain(name);
    });

    it("refuse to start twice: code 55", async () => {
      const domain = await client.domainDefine(domainXml());
      await client.domainStart(domain);
      await expect(client.domainStart(domain)).rejects.toMatchObject({ code: 55 });
    });

    it("answer a question about one that is gone with code 42", async () => {
      const domain = await client.domainDefine(domainXml());
      await client.domainUndefine(domain);
      await expect(client.domainState(domain)).rejects.toMatchObject({ name: "LibvirtError", code: 42 });
      await expect(client.domainXml(domain)).rejects.toMatchObject({ code: 42 });
    });

    it("refuse broken XML with libvirt's own words", async () => {
      await expect(client.domainDefine("<domain><name>x")).rejects.toMatchObject({ name: "LibvirtError" });
      await expect(client.domainDefine("<domain type='qemu'/>")).rejects.toMatchObject({
        name: "LibvirtError",
      });
    });

    it("trap libvirt#19: are redefined by uuid, and refused by name alone", async () => {
      const [name, uuid] = [fresh("redefine"), randomUUID()];
      await client.domainDefine(domainXml({ name, uuid, memoryMiB: 16 }));
      await expect(client.domainDefine(domainXml({ name, uuid: "", memoryMiB: 32 }))).rejects.toMatchObject({
        code: 9,
        message: expect.stringContaining("already exists with uuid"),
      });
      const again = await client.domainDefine(domainXml({ name, uuid, memoryMiB: 32 }));
      expect(again.uuid).toBe(uuid);
      expect(await client.domainXml(again, { inactive: true })).toMatch(/<memory unit='KiB'>32768<\/memory>/);
    });

    it("trap libvirt#37, libvirt#53: stay as transient ones when undefined while running, and vanish when destroyed", async () => {
      const domain = await client.domainDefine(domainXml());
      await client.domainStart(domain);
      await client.domainUndefine(domain);
      expect(await client.domainState(domain)).toBe("running");
      await client.domainDestroy(domain);
      expect(await client.domainByName(domain.name)).toBeUndefined();
    });

    it("trap libvirt#38: are destroyed and undefined again without an error", async () => {
      const domain = await client.domainDefine(domainXml());
      await client.domainDestroy(domain); // off
      await client.domainUndefine(domain);
      await client.domainDestroy(domain); // gone
      await client.domainUndefine(domain);
    });

    it("keep the running XML apart from the persistent one", async () => {
      const [name, uuid] = [fresh("two"), randomUUID()];
      const domain = await client.domainDefine(domainXml({ name, uuid, description: "first" }));
      await client.domainStart(domain);
      await client.domainDefine(domainXml({ name, uuid, description: "second", memoryMiB: 32 }));
      expect(await client.domainXml(domain)).toContain("<memory unit='KiB'>16384</memory>");
      expect(await client.domainXml(domain, { inactive: true })).toContain(
        "<memory unit='KiB'>32768</memory>",
      );
    });

    it("start with the host when told to", async () => {
      const domain = await client.domainDefine(domainXml());
      expect(await client.domainAutostart(domain)).toBe(false);
      await client.domainSetAutostart(domain, true);
      expect(await client.domainAutostart(domain)).toBe(true);
      await client.domainSetAutostart(domain, false);
      expect(await client.domainAutostart(domain)).toBe(false);
    });

    it("trap libvirt#27: carry a mark, and have none with code 80, not with an empty text", async () => {
      const domain = await client.domainDefine(domainXml());
      expect(await client.domainMetadata(domain, MARK_URI)).toBeUndefined();
      await client.domainSetMetadata(domain, MARK_URI, "lp", "<mark>lab/stack/name</mark>");
      expect(await client.domainMetadata(domain, MARK_URI)).toMatch(/lab\/stack\/name/);
      await client.domainStart(domain);
      expect(await client.domainMetadata(domain, MARK_URI)).toMatch(/lab\/stack\/name/);
      await client.domainSetMetadata(domain, MARK_URI, "lp", "<mark>lab/stack/other</mark>");
      expect(await client.domainXml(domain)).toContain("lab/stack/other");
      expect(await client.domainXml(domain, { inactive: true })).toContain("lab/stack/other");
      await client.domainSetMetadata(domain, MARK_URI, "lp", undefined);
      await client.domainSetMetadata(domain, MARK_URI, "lp", undefined);
      expect(await client.domainMetadata(domain, MARK_URI)).toBeUndefined();
    });

    it("take more and less memory and vcpus into their configuration, also while they run", async () => {
      const domain = await client.domainDefine(domainXml({ memoryMiB: 16, cpus: 1 }));
      await client.domainStart(domain);
      for (const [kiB, cpus] of [
        [32 * 1024, 3],
        [24 * 1024, 2],
      ] as const) {
        await client.domainSetMemory(domain, kiB, "config");
        await client.domainSetVcpus(domain, cpus, "config");
        const xml = await client.domainXml(domain, { inactive: true });
        expect(xml).toContain(`<memory unit='KiB'>${kiB}</memory>`);
        expect(xml).toContain(`<currentMemory unit='KiB'>${kiB}</currentMemory>`);
        expect(xml).toMatch(new RegExp(`<vcpu[^>]*>${cpus}</vcpu>`));
        expect(xml).not.toMatch(/<vcpu[^>]*current=/);
      }
      const live = await client.domainXml(domain);
      expect(live).toContain("<memory unit='KiB'>16384</memory>");
      expect(live).toMatch(/<vcpu[^>]*>1<\/vcpu>/);
    });

    it("gain, change and lose a device in the scope asked for", async () => {
      const mac = "52:54:00:c7:00:01";
      const nic = (link: string) =>
        `<interface type='user'><mac address='${mac}'/><model type='virtio'/><link state='${link}'/></interface>`;
      const domain = await client.domainDefine(domainXml({ machine: "pc" }));
      await client.domainStart(domain);
      await client.domainAttach(domain, nic("up"), "config");
      expect(await client.domainXml(domain, { inactive: true })).toContain(mac);
      expect(await client.domainXml(domain)).not.toContain(mac);

      await client.domainUpdateDevice(domain, nic("down"), "config");
      expect(await client.domainXml(domain, { inactive: true })).toContain("<link state='down'/>");
      await client.domainDetach(domain, nic("down"), "config");
      expect(await client.domainXml(domain, { inactive: true })).not.toContain(mac);

      await client.domainAttach(domain, nic("up"), "both");
      expect(await client.domainXml(domain)).toContain(mac);
      expect(await client.domainXml(domain, { inactive: true })).toContain(mac);
      await client.domainUpdateDevice(domain, nic("down"), "live");
      expect(await client.domainXml(domain)).toContain("<link state='down'/>");
      expect(await client.domainXml(domain, { inactive: true })).not.toContain("<link state='down'/>");
    });

    it("grow a disk while they run", async () => {
      const pool = await makePool(client, system());
      const volume = await makeVolume(client, pool, 1024 * 1024);
      const disk = `<disk type='file' device='disk'><driver name='qemu' type='raw'/><source file='${volume.key}'/><target dev='vda' bus='virtio'/></disk>`;
      const domain = await client.domainDefine(domainXml({ devices: disk }));
      await client.domainStart(domain);
      await client.domainBlockResize(domain, "vda", 3 * 1024 * 1024);
      await client.poolRefresh(pool);
      expect((await client.volumeInfo(volume)).capacity).toBe(3n * 1024n * 1024n);
    });

    it("have no address while they are off, or without a NIC", async () => {
      const domain = await client.domainDefine(domainXml());
      expect(await client.domainAddresses(domain)).toEqual([]);
      await client.domainStart(domain);
      expect(await client.domainAddresses(domain)).toEqual([]);
    });

    it("give their console to one reader at a time, and take it back", async () => {
      const domain = await client.domainDefine(domainXml());
      await client.domainStart(domain);
      const console = await client.domainConsole(domain);
      console.destroy();
      expect(await client.domainState(domain)).toBe("running");
      await client.domainDestroy(domain);
      await expect(client.domainConsole(domain)).rejects.toMatchObject({ code: 55 });
    });

    it("trap libvirt#25: tell a start as resumed and started, a destroy as stopped, a redefinition as defined", async () => {
      const [name, uuid] = [fresh("events"), randomUUID()];
      const seen: DomainEvent[] = [];
      const unsubscribe = await client.onDomainEvent((domain, event) => {
        if (domain.uuid === uuid) seen.push(event);
      });
      const domain = await client.domainDefine(domainXml({ name, uuid }));
      await client.domainDefine(domainXml({ name, uuid, memoryMiB: 32 }));
      await client.domainStart(domain);
      await client.domainDestroy(domain);
      await client.domainUndefine(domain);
      await expect.poll(() => seen.at(-1)).toBe("undefined");
      expect(seen.filter((event) => event !== "shutdown")).toEqual([
        ...["defined", "defined", "resumed", "started", "stopped", "undefined"],
      ]);

      await unsubscribe();
      seen.length = 0;
      await client.domainUndefine(await client.domainDefine(domainXml({ name, uuid })));
      await client.hostName();
      expect(seen).toEqual([]);
    });
  });
}
