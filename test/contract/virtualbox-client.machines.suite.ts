import { randomUUID } from "node:crypto";
import { describe, expect, it } from "vitest";
import { isGone, VirtualBoxError } from "../../providers/virtualbox/client";
import { type Bench, fresh, MIB, SATA } from "./virtualbox-client.fixtures";

const NOBODY = "99999999-fe74-4d77-bb14-aa02c1c394e6";

/** Machines and their settings. */
export function machineContract(bench: () => Bench): void {
  describe("machines", () => {
    it("makes a machine with a UUID of ours, finds it by UUID and by name, and removes it with its folder", async () => {
      const { client, system, machine } = bench();
      const vm = await machine();
      expect(await client.vms()).toContainEqual(vm);
      const facts = await client.vm(vm.uuid);
      expect(facts).toMatchObject({
        ...vm,
        osType: "Linux_64",
        power: "poweroff",
        attachments: [],
        extraData: {},
      });
      expect(await client.vm({ name: vm.name })).toEqual(facts);
      expect(await client.fileExists(facts?.configFile ?? "")).toBe(true);
      await client.deleteVm(vm.uuid);
      expect(await client.vms()).not.toContainEqual(vm);
      expect(await client.listFolder(system.folder)).not.toContain(vm.name);
      await client.deleteVm(vm.uuid);
    });

    it("trap virtualbox#15: tells that a machine does not exist, by UUID and by name", async () => {
      const { client, machine } = bench();
      expect(await client.vm(NOBODY)).toBeUndefined();
      expect(await client.power(NOBODY)).toBeUndefined();
      expect(await client.vm({ name: fresh("nobody") })).toBeUndefined();
      // A name is a name, also when it looks like another machine's UUID.
      const vm = await machine();
      expect(await client.vm({ name: vm.uuid })).toBeUndefined();
      const refused = await client.modifyVm(NOBODY, { cpus: 2 }).catch((error: unknown) => error);
      expect(isGone(refused)).toBe(true);
      await client.unregisterVm(NOBODY);
      await client.deleteVm(vm.uuid);
    });

    it("trap virtualbox#10, virtualbox#4: makes and finds a machine whose name holds quotes, braces, umlauts and a path", async () => {
      const { client, machine } = bench();
      for (const name of [fresh('q"uote, {x}'), fresh("z/../z"), fresh("ä {b} \\")]) {
        const vm = await machine(name);
        expect(vm.name).toBe(name);
        expect(await client.vm({ name })).toMatchObject(vm);
        await client.deleteVm(vm.uuid);
      }
    });

    it("trap virtualbox#26: refuses a second machine of a name, as final", async () => {
      const { client, system, machine } = bench();
      const vm = await machine();
      const again = { name: vm.name, uuid: randomUUID(), osType: "Linux_64", folder: system.folder };
      const error = await client.createVm(again).catch((cause: unknown) => cause);
      expect(error).toBeInstanceOf(VirtualBoxError);
      expect(error).toMatchObject({ code: "VBOX_E_FILE_ERROR", failure: "final" });
      expect((error as Error).message).toContain("already exists");
      await client.deleteVm(vm.uuid);
    });

    it("trap virtualbox#33: writes all settings in one modifyvm, and reads them back as they are", async () => {
      const { client, parts, machine } = bench();
      const vm = await machine();
      const spy = callsTo(parts);
      const description = 'line one\nline "two" \\ back\nname="fake"';
      await client.modifyVm(vm.uuid, {
        description,
        osType: "Debian12_64",
        cpus: 2,
        memoryMiB: 256,
        firmware: "uefi",
        boot: ["disk", "net"],
        nics: [
          { slot: 1, type: "nat", mac: "08:00:27:aa:bb:01", forwards: [], localhostReachable: true },
          {
            slot: 2,
            type: "intnet",
            attachment: "net0",
            mac: "08:00:27:aa:bb:02",
            model: "e1000",
            cable: false,
          },
          { slot: 3, type: "natnetwork", attachment: "lab", mac: "08:00:27:aa:bb:03", model: "e1000e" },
          { slot: 4, type: "generic", attachment: "UDPTunnel", properties: { dest: "10.0.0.1", sport: "7" } },
        ],
      });
      expect(spy.end()).toEqual(["showvminfo", "modifyvm"]);
      const facts = await client.vm(vm.uuid);
      expect(facts).toMatchObject({
        description,
        osType: "Debian12_64",
        cpus: 2,
        memoryMiB: 256,
        firmware: "uefi",
        boot: ["disk", "net", "none", "none"],
      });
      const common = { cable: true, model: "virtio", properties: {} };
      expect(facts?.nics).toEqual([
        {
          ...common,
          ...{ slot: 1, type: "nat", mac: "08:00:27:aa:bb:01" },
          nat: { forwards: [], tftp: { enabled: false }, localhostReachable: true },
        },
        {
          ...common,
          slot: 2,
          type: "intnet",
          attachment: "net0",
          mac: "08:00:27:aa:bb:02",
          model: "e1000",
          cable: false,
        },
        {
          ...common,
          slot: 3,
          type: "natnetwork",
          attachment: "lab",
          mac: "08:00:27:aa:bb:03",
          model: "e1000e",
        },
        {
          ...common,
          ...{
            slot: 4,
            type: "generic",
            attachment: "UDPTunnel",
            properties: { dest: "10.0.0.1", sport: "7" },
          },
          mac: expect.stringMatching(/^08:00:27(:[0-9a-f]{2}){3}$/),
        },
      ]);
      await client.modifyVm(vm.uuid, { nics: [{ slot: 4, type: "none" }], description: "" });
      expect((await client.vm(vm.uuid))?.nics.map(({ slot }) => slot)).toEqual([1, 2, 3]);
      expect((await client.vm(vm.uuid))?.description).toBe("");
      await client.deleteVm(vm.uuid);
    });

    it("trap virtualbox#12: keeps the forwards of two NAT NICs apart, and changes those that differ", async () => {
      const { client, machine } = bench();
      const vm = await machine();
      const ssh = {
        name: "ssh",
        protocol: "tcp",
        hostIp: "127.0.0.1",
        hostPort: 2222,
        guestPort: 22,
      } as const;
      const dns = { name: "dns", protocol: "udp", hostIp: "", hostPort: 5353, guestPort: 53 } as const;
      const forwards = async (slot: number) =>
        (await client.vm(vm.uuid))?.nics
          .find((nic) => nic.slot === slot)
          ?.nat?.forwards.sort((a, b) => a.hostPort - b.hostPort);
      await client.modifyVm(vm.uuid, {
        nics: [
          { slot: 1, type: "nat", forwards: [ssh, dns] },
          { slot: 2, type: "nat", forwards: [{ ...ssh, hostPort: 2223 }] },
        ],
      });
      expect(await forwards(1)).toEqual([
        { ...ssh, guestIp: "" },
        { ...dns, guestIp: "" },
      ]);
      expect(await forwards(2)).toEqual([{ ...ssh, hostPort: 2223, guestIp: "" }]);
      await client.modifyVm(vm.uuid, {
        nics: [{ slot: 1, type: "nat", forwards: [{ ...ssh, hostPort: 2224 }] }],
      });
      expect(await forwards(1)).toEqual([{ ...ssh, hostPort: 2224, guestIp: "" }]);
      // With what is known, no look is needed.
      const known = await client.vm(vm.uuid);
      const spy = callsTo(bench().parts);
      await client.modifyVm(vm.uuid, { nics: [{ slot: 1, type: "nat", forwards: [dns] }] }, known);
      expect(spy.end()).toEqual(["modifyvm"]);
      expect(await forwards(1)).toEqual([{ ...dns, guestIp: "" }]);
      // Not told means not touched.
      await client.modifyVm(vm.uuid, { nics: [{ slot: 2, type: "nat" }] });
      expect(await forwards(2)).toHaveLength(1);
      await client.modifyVm(vm.uuid, { nics: [{ slot: 2, type: "nat", forwards: [] }] });
      expect(await forwards(2)).toEqual([]);
      await client.deleteVm(vm.uuid);
    });

    it("trap virtualbox#13, virtualbox#18: sets NAT's TFTP so that it works, and reads it back", async () => {
      const { client, machine } = bench();
      const vm = await machine();
      const tftp = { enabled: true, prefix: "/srv/tftp", bootFile: "ipxe.pxe", nextServer: "10.0.2.4" };
      const told = async () => (await client.vm(vm.uuid))?.nics[0]?.nat?.tftp;
      await client.modifyVm(vm.uuid, { nics: [{ slot: 1, type: "nat", tftp }] });
      expect(await told()).toEqual(tftp);
      await client.modifyVm(vm.uuid, { nics: [{ slot: 1, type: "nat", tftp: { enabled: false } }] });
      expect(await told()).toEqual({ enabled: false });
      await client.deleteVm(vm.uuid);
    });

    it("trap virtualbox#30: finds a new machine with VirtualBox's defaults, which are told and not assumed", async () => {
      const { client, machine } = bench();
      const vm = await machine();
      expect(await client.vm(vm.uuid)).toMatchObject({
        boot: ["floppy", "dvd", "disk", "none"],
        nics: [
          {
            slot: 1,
            type: "nat",
            model: "e1000",
            nat: { localhostReachable: false, tftp: { enabled: false } },
          },
        ],
      });
      await client.deleteVm(vm.uuid);
    });

    it("trap virtualbox#22: gets a NIC onto a card that does not exist, without an error", async () => {
      const { client, machine } = bench();
      const vm = await machine();
      await client.modifyVm(vm.uuid, { nics: [{ slot: 1, type: "bridged", attachment: "nosuch0" }] });
      expect((await client.vm(vm.uuid))?.nics[0]).toMatchObject({ type: "bridged", attachment: "nosuch0" });
      expect(await client.bridgedInterfaces()).not.toContain("nosuch0");
      await client.deleteVm(vm.uuid);
    });

    it("trap virtualbox#61: writes any guest type into a machine, and makes none of an unknown type", async () => {
      const { client, system, machine } = bench();
      const vm = await machine();
      await client.modifyVm(vm.uuid, { osType: "Nope_64" });
      expect((await client.vm(vm.uuid))?.osType).toBe("Nope_64");
      expect(await client.osTypes()).not.toContain("Nope_64");
      const made = client.createVm({
        name: fresh("os"),
        uuid: randomUUID(),
        osType: "Nope_64",
        folder: system.folder,
      });
      await expect(made).rejects.toThrow(/invalid guest OS type/);
      await client.deleteVm(vm.uuid);
    });

    it("trap virtualbox#25: follows a machine by its UUID when a rename moves its folder", async () => {
      const { client, machine } = bench();
      const vm = await machine();
      const before = await client.vm(vm.uuid);
      const name = fresh("renamed");
      await client.modifyVm(vm.uuid, { name });
      const after = await client.vm(vm.uuid);
      expect(after?.name).toBe(name);
      expect(after?.configFile).not.toBe(before?.configFile);
      expect(await client.fileExists(after?.configFile ?? "")).toBe(true);
      await client.deleteVm(vm.uuid);
    });

    it("keeps marks on machines and on VirtualBox as a whole, also of several lines", async () => {
      const { client, machine } = bench();
      const vm = await machine();
      const key = `labplan/${fresh("mark")}`;
      for (const of of [vm.uuid, "global"] as const) {
        await client.setExtraData(of, key, "ab12/dev/web");
        await client.setExtraData(of, `${key}/long`, 'x\n"y"');
        expect(await client.extraData(of)).toMatchObject({
          [key]: "ab12/dev/web",
          [`${key}/long`]: 'x\n"y"',
        });
        if (of === vm.uuid) expect((await client.vm(of))?.extraData[key]).toBe("ab12/dev/web");
        await client.setExtraData(of, key, undefined);
        await client.setExtraData(of, `${key}/long`, undefined);
        await client.setExtraData(of, key, undefined);
        expect(await client.extraData(of)).not.toHaveProperty([key]);
      }
      await client.deleteVm(vm.uuid);
    });

    it("trap virtualbox#31: finds the mark on a clone, too, under another UUID", async () => {
      const { client, system, machine } = bench();
      const vm = await machine();
      await client.setExtraData(vm.uuid, "labplan/mark", "ab12/dev/web");
      const uuid = randomUUID();
      const clone = await client.cloneVm(vm.uuid, { name: fresh("clone"), uuid, folder: system.folder });
      expect(clone.uuid).toBe(uuid);
      expect(await client.extraData(clone.uuid)).toMatchObject({ "labplan/mark": "ab12/dev/web" });
      expect((await client.vm(uuid))?.nics[0]?.mac).not.toBe((await client.vm(vm.uuid))?.nics[0]?.mac);
      await client.deleteVm(clone.uuid);
      await client.deleteVm(vm.uuid);
    });

    it("trap virtualbox#24: makes a linked clone of a snapshot only", async () => {
      const { client, system, machineWithSata, disk } = bench();
      const vm = await machineWithSata();
      const { path } = await disk();
      await client.attach(vm.uuid, { controller: SATA.name, port: 0 }, { kind: "disk", medium: path });
      const wanted = { name: fresh("linked"), uuid: randomUUID(), folder: system.folder, linked: true };
      await expect(client.cloneVm(vm.uuid, wanted)).rejects.toThrow(/needs a snapshot/);
      const snapshot = await client.takeSnapshot(vm.uuid, { name: "base" });
      const clone = await client.cloneVm(vm.uuid, { ...wanted, snapshot, keepMacs: true });
      expect((await client.vm(clone.uuid))?.nics[0]?.mac).toBe((await client.vm(vm.uuid))?.nics[0]?.mac);
      const base = (await client.media()).find((medium) => medium.path === path);
      expect(base?.children.length).toBeGreaterThan(1);
      await client.deleteVm(clone.uuid);
      await client.deleteVm(vm.uuid);
      await client.closeMedium("disk", path, { deleteFile: true });
    });

    it("adds and removes shared folders", async () => {
      const { client, system, machine } = bench();
      const vm = await machine();
      const folder = { name: fresh("data"), path: system.folder, readOnly: true, autoMount: false };
      await client.addSharedFolder(vm.uuid, folder);
      await client.addSharedFolder(vm.uuid, { ...folder, name: "rw", readOnly: false, autoMount: true });
      expect((await client.vm(vm.uuid))?.sharedFolders).toEqual([
        folder,
        { ...folder, name: "rw", readOnly: false, autoMount: true },
      ]);
      await client.removeSharedFolder(vm.uuid, folder.name);
      await client.removeSharedFolder(vm.uuid, folder.name);
      expect((await client.vm(vm.uuid))?.sharedFolders.map(({ name }) => name)).toEqual(["rw"]);
      await client.deleteVm(vm.uuid);
    });

    it("forgets a machine and takes it back from its file", async () => {
      const { client, machine } = bench();
      const vm = await machine();
      const { configFile = "" } = (await client.vm(vm.uuid)) ?? {};
      await client.unregisterVm(vm.uuid);
      expect(await client.vm(vm.uuid)).toBeUndefined();
      await client.registerVm(configFile);
      expect(await client.vm(vm.uuid)).toMatchObject(vm);
      await client.deleteVm(vm.uuid);
    });

    it("exports a machine, and refuses to replace a file", async () => {
      const { client, machine, path } = bench();
      const vm = await machine();
      const file = `${path("export")}.ova`;
      const seen: number[] = [];
      await client.exportVm(vm.uuid, file, { onProgress: (percent) => seen.push(percent) });
      expect(seen.at(-1)).toBe(100);
      expect(await client.fileSize(file)).toBeGreaterThan(1_000);
      await expect(client.exportVm(vm.uuid, file)).rejects.toThrow(/ALREADY_EXISTS/);
      await client.removeFile(file);
      await client.deleteVm(vm.uuid);
    });

    it("tells its version, its guest types and its folder", async () => {
      const { client } = bench();
      expect(await client.version()).toMatch(/^7\.\d+\.\d+/);
      expect(await client.osTypes()).toEqual(expect.arrayContaining(["Linux_64", "Debian12_64"]));
      expect(await client.defaultMachineFolder()).toMatch(/\S/);
    });

    it("writes, reads, lists and removes files at the host", async () => {
      const { client, path } = bench();
      const folder = path("folder");
      const deep = client.join(folder, "a b", "c");
      expect(await client.listFolder(folder)).toEqual([]);
      await client.makeFolder(deep);
      await client.makeFolder(deep);
      const file = client.join(deep, "seed 'x'.iso");
      expect([
        await client.readFile(file),
        await client.fileSize(file),
        await client.fileExists(file),
      ]).toEqual([undefined, undefined, false]);
      await client.putFile(file, "first");
      const { Readable } = await import("node:stream");
      const bytes = Buffer.alloc(3 * MIB, "abc");
      let written = 0;
      const options = {
        mode: 0o640,
        onProgress: (sent: number) => {
          written = sent;
        },
      };
      await client.putFile(file, Readable.from([bytes.subarray(0, MIB), bytes.subarray(MIB)]), options);
      expect(written).toBe(bytes.length);
      expect((await client.readFile(file))?.equals(bytes)).toBe(true);
      expect(await client.listFolder(deep)).toEqual(["seed 'x'.iso"]);
      await client.removeEmptyFolder(deep);
      expect(await client.fileExists(file)).toBe(true);
      await client.removeFile(file);
      await client.removeFile(file);
      for (const gone of [deep, deep, client.join(folder, "a b"), folder])
        await client.removeEmptyFolder(gone);
      expect(await client.fileExists(folder)).toBe(false);
      await expect(client.putFile(file, "x")).rejects.toThrow(/cannot be written/);
    });

    it("leaves the old file as it is when a new one breaks off", async () => {
      const { client, path } = bench();
      const file = path("whole");
      await client.putFile(file, "whole");
      const { Readable } = await import("node:stream");
      const broken = Readable.from(
        (async function* () {
          yield Buffer.from("half");
          throw new Error("the download broke");
        })(),
      );
      await expect(client.putFile(file, broken)).rejects.toThrow(/the download broke/);
      expect(`${await client.readFile(file)}`).toBe("whole");
      expect(await client.fileExists(`${file}.labplan-part`)).toBe(false);
      await client.removeFile(file);
    });
  });
}

/** Commands that a host was asked for, until `end`. */
function callsTo(parts: Bench["parts"]): { end(): string[] } {
  const { host } = parts;
  const commands: string[] = [];
  const { call } = host;
  host.call = (argv, options) => {
    commands.push(argv[0] ?? "");
    return call.call(host, argv, options);
  };
  return {
    end: () => {
      host.call = call;
      return commands;
    },
  };
}
