import { randomBytes } from "node:crypto";
import { describe, expect, it } from "vitest";
import { VirtualBoxError } from "../../providers/virtualbox/client";
import { type Bench, fresh, MIB, SATA } from "./virtualbox-client.fixtures";

const NOBODY = "99999999-fe74-4d77-bb14-aa02c1c394e6";
const FIRST = { controller: SATA.name, port: 0 };

/** Disks, drives and snapshots. */
export function storageContract(bench: () => Bench): void {
  const paths = async () => (await bench().client.media()).map(({ path }) => path);

  describe("media", () => {
    it("makes, finds, grows and removes a disk, whose size is whole MiB", async () => {
      const { client, path } = bench();
      const file = `${path("disk")}.vdi`;
      const uuid = await client.createMedium({ path: file, sizeBytes: 10 * MIB + 1 });
      expect(await client.medium("disk", file)).toEqual({
        uuid,
        path: file,
        kind: "disk",
        format: "VDI",
        capacityBytes: 11 * MIB,
        children: [],
        accessible: true,
        usedBy: [],
      });
      await client.resizeMedium(file, 20 * MIB);
      await client.resizeMedium(file, 20 * MIB);
      expect((await client.medium("disk", file))?.capacityBytes).toBe(20 * MIB);
      await client.closeMedium("disk", file, { deleteFile: true });
      expect(await client.medium("disk", file)).toBeUndefined();
      expect(await client.fileExists(file)).toBe(false);
      await client.closeMedium("disk", file, { deleteFile: true });
      expect(await client.medium("disk", NOBODY)).toBeUndefined();
    });

    it("trap virtualbox#29: refuses to shrink a disk, and says why", async () => {
      const { client, disk } = bench();
      const { path } = await disk();
      await expect(client.resizeMedium(path, 10 * MIB)).rejects.toThrow(
        /cannot be made smaller .*cannot shrink/,
      );
      expect((await client.medium("disk", path))?.capacityBytes).toBe(64 * MIB);
      await client.closeMedium("disk", path, { deleteFile: true });
    });

    it("makes a linked clone of a disk, which holds on to it", async () => {
      const { client, disk, path } = bench();
      const base = await disk();
      const file = `${path("linked")}.vdi`;
      const uuid = await client.createDifferencing({ path: file, parent: base.path });
      expect(await client.medium("disk", file)).toMatchObject({
        uuid,
        parent: base.uuid,
        capacityBytes: 64 * MIB,
      });
      expect((await client.medium("disk", base.path))?.children).toEqual([uuid]);
      const refused = await client
        .closeMedium("disk", base.path, { deleteFile: true })
        .catch((error: unknown) => error);
      expect(refused).toMatchObject({ code: "VBOX_E_OBJECT_IN_USE", failure: "final" });
      expect(await client.fileExists(base.path)).toBe(true);
      // It can be larger than what it is based on.
      await client.resizeMedium(file, 128 * MIB);
      expect((await client.medium("disk", file))?.capacityBytes).toBe(128 * MIB);
      await client.closeMedium("disk", file, { deleteFile: true });
      await client.closeMedium("disk", base.path, { deleteFile: true });
    });

    it("trap virtualbox#62: makes a disk of a raw image, and a full copy of a disk, and keeps only what was asked for", async () => {
      const { client, path } = bench();
      const raw = path("image");
      await client.putFile(raw, Buffer.concat([randomBytes(MIB), Buffer.alloc(MIB)]));
      const [first, copy] = [`${path("first")}.vdi`, `${path("copy")}.vdi`];
      await client.convertFromRaw({ source: raw, path: first });
      const uuid = await client.cloneMedium({ source: first, path: copy });
      expect(await client.medium("disk", copy)).toMatchObject({
        uuid,
        capacityBytes: 2 * MIB,
        format: "VDI",
      });
      expect((await client.medium("disk", copy))?.parent).toBeUndefined();
      expect(await client.fileSize(copy)).toBeGreaterThan(MIB);
      expect(await paths()).not.toContain(first);
      await expect(client.cloneMedium({ source: raw, path: `${path("none")}.vdi` })).rejects.toBeInstanceOf(
        VirtualBoxError,
      );
      for (const file of [first, copy]) await client.closeMedium("disk", file, { deleteFile: true });
      await client.removeFile(raw);
    });

    it("trap virtualbox#59: makes a disk in the place of one whose file was removed from outside", async () => {
      const { client, disk, machineWithSata } = bench();
      const { path } = await disk();
      const vm = await machineWithSata();
      await client.attach(vm.uuid, FIRST, { kind: "disk", medium: path });
      await client.detach(vm.uuid, FIRST);
      await client.removeFile(path);
      expect(await client.medium("disk", path)).toBeUndefined();
      const uuid = await client.createMedium({ path, sizeBytes: 8 * MIB });
      expect(await client.medium("disk", path)).toMatchObject({
        uuid,
        accessible: true,
        capacityBytes: 8 * MIB,
      });
      await client.removeFile(path);
      await client.closeMedium("disk", path, { deleteFile: true });
      expect(await paths()).not.toContain(path);
      await client.deleteVm(vm.uuid);
    });

    it("trap virtualbox#58: opens a linked clone of a linked clone, of whose parents VirtualBox has forgotten", async () => {
      const { client, disk, machineWithSata, path } = bench();
      const base = await disk();
      // Found in the order of their names, before their parents.
      const [top, middle] = [`${path("a")}.vdi`, `${path("b")}.vdi`];
      await client.createDifferencing({ path: middle, parent: base.path });
      await client.createDifferencing({ path: top, parent: middle });
      const vm = await machineWithSata();
      await client.attach(vm.uuid, FIRST, { kind: "disk", medium: top });
      await client.unregisterVm(vm.uuid);
      for (const file of [top, middle, base.path]) expect(await paths()).not.toContain(file);
      expect(await client.medium("disk", top)).toMatchObject({ path: top, accessible: true });
      expect(await paths()).toEqual(expect.arrayContaining([top, middle, base.path]));
      for (const file of [top, middle, base.path])
        await client.closeMedium("disk", file, { deleteFile: true });
    });

    it("moves a disk, and whoever uses it keeps it", async () => {
      const { client, disk, machineWithSata, path } = bench();
      const { path: from } = await disk();
      const vm = await machineWithSata();
      await client.attach(vm.uuid, FIRST, { kind: "disk", medium: from });
      const to = `${path("moved")}.vdi`;
      await client.moveMedium(from, to);
      expect((await client.vm(vm.uuid))?.attachments[0]?.path).toBe(to);
      expect([await client.fileExists(from), await client.fileExists(to)]).toEqual([false, true]);
      await client.deleteVm(vm.uuid);
      await client.closeMedium("disk", to, { deleteFile: true });
    });
  });

  describe("drives", () => {
    it("has a controller of each bus, and removes it again", async () => {
      const { client, machine } = bench();
      const vm = await machine();
      for (const bus of ["sata", "nvme", "scsi", "virtio"] as const)
        await client.addController(vm.uuid, { name: `${bus}-0-1`, bus, ports: 2 });
      const { controllers = [] } = (await client.vm(vm.uuid)) ?? {};
      expect(controllers).toEqual([
        { name: "sata-0-1", bus: "sata", ports: 2 },
        { name: "nvme-0-1", bus: "nvme", ports: 2 },
        { name: "scsi-0-1", bus: "scsi", ports: 16 },
        { name: "virtio-0-1", bus: "virtio", ports: 2 },
      ]);
      const taken = client.addController(vm.uuid, { name: "sata-0-1", bus: "sata" });
      await expect(taken).rejects.toMatchObject({ code: "VBOX_E_OBJECT_IN_USE" });
      for (const { name } of controllers) await client.removeController(vm.uuid, name);
      await client.removeController(vm.uuid, "sata-0-1");
      expect((await client.vm(vm.uuid))?.controllers).toEqual([]);
      await client.deleteVm(vm.uuid);
    });

    it("attaches a disk and an ISO, changes the ISO, and empties the drive", async () => {
      const { client, machineWithSata, disk, path } = bench();
      const vm = await machineWithSata();
      const { path: file, uuid } = await disk();
      const isos = [`${path("seed")}.iso`, `${path("seed")}.iso`];
      for (const iso of isos) await client.putFile(iso, Buffer.alloc(2 * MIB));
      const drive = { controller: SATA.name, port: 1 };
      await client.attach(vm.uuid, FIRST, { kind: "disk", medium: file });
      for (const medium of [isos[0] ?? "", isos[1] ?? "", "emptydrive", isos[1] ?? ""])
        await client.attach(vm.uuid, drive, { kind: "dvd", medium });
      const facts = await client.vm(vm.uuid);
      expect(facts?.attachments).toEqual([
        { ...FIRST, device: 0, path: file, medium: uuid },
        { ...drive, device: 0, path: isos[1], medium: expect.stringMatching(/^[0-9a-f-]{36}$/) },
      ]);
      expect((await client.medium("disk", file))?.usedBy).toEqual([vm.uuid]);
      expect(await client.medium("dvd", isos[1] ?? "")).toMatchObject({
        kind: "dvd",
        usedBy: [vm.uuid],
        capacityBytes: 2 * MIB,
      });
      const inUse = client.closeMedium("disk", file, { deleteFile: true });
      await expect(inUse).rejects.toMatchObject({ code: "VBOX_E_OBJECT_IN_USE" });

      await client.attach(vm.uuid, drive, { kind: "dvd", medium: "emptydrive" });
      expect((await client.vm(vm.uuid))?.attachments[1]).toEqual({ ...drive, device: 0 });
      await client.detach(vm.uuid, drive);
      await client.detach(vm.uuid, drive);
      await client.detach(vm.uuid, FIRST);
      expect((await client.vm(vm.uuid))?.attachments).toEqual([]);
      for (const iso of isos) await client.closeMedium("dvd", iso, { deleteFile: true });
      expect(await client.fileExists(isos[0] ?? "")).toBe(false);
      expect((await client.media()).filter(({ kind }) => kind === "dvd")).toEqual([]);
      await client.deleteVm(vm.uuid);
      await client.closeMedium("disk", file, { deleteFile: true });
    });

    it("trap virtualbox#27: has a disk left after a failed attach, which closing it removes", async () => {
      const { client, machineWithSata, disk } = bench();
      const vm = await machineWithSata();
      const { path } = await disk();
      const attached = client.attach(
        vm.uuid,
        { controller: "none", port: 0 },
        { kind: "disk", medium: path },
      );
      await expect(attached).rejects.toBeInstanceOf(VirtualBoxError);
      await client.deleteVm(vm.uuid);
      expect(await client.fileExists(path)).toBe(true);
      await client.closeMedium("disk", path, { deleteFile: true });
      expect(await client.fileExists(path)).toBe(false);
    });

    it("trap virtualbox#56: removes a machine without its disks, what they are based on, or what was written since a snapshot", async () => {
      const { client, machineWithSata, disk, path } = bench();
      const base = await disk();
      const own = await disk();
      const linked = `${path("linked")}.vdi`;
      await client.createDifferencing({ path: linked, parent: base.path });
      const vm = await machineWithSata();
      await client.attach(vm.uuid, FIRST, { kind: "disk", medium: linked });
      await client.attach(vm.uuid, { ...FIRST, port: 1 }, { kind: "disk", medium: own.path });
      const root = await client.takeSnapshot(vm.uuid, { name: "one" });
      await client.takeSnapshot(vm.uuid, { name: "two" });
      await client.restoreSnapshot(vm.uuid, root);
      await client.takeSnapshot(vm.uuid, { name: "three" });
      await client.deleteVm(vm.uuid);
      for (const file of [base.path, own.path, linked])
        expect([file, (await client.medium("disk", file))?.accessible]).toEqual([file, true]);
      expect((await client.medium("disk", linked))?.parent).toBe(base.uuid);
      expect((await paths()).filter((file) => file.includes("Snapshots"))).toEqual([]);
      expect(await client.listFolder(bench().system.folder)).not.toContain(vm.name);
      for (const file of [linked, base.path, own.path])
        await client.closeMedium("disk", file, { deleteFile: true });
    });
  });

  describe("snapshots", () => {
    it("trap virtualbox#16: takes two of one name, tells them apart, edits one and goes back to it", async () => {
      const { client, machine } = bench();
      const vm = await machine();
      expect(await client.snapshots(vm.uuid)).toEqual([]);
      const description = 'first\nSnapshotUUID="x"';
      const seen: number[] = [];
      const onProgress = (percent: number) => seen.push(percent);
      const first = await client.takeSnapshot(vm.uuid, { name: "base", description }, { onProgress });
      expect(seen.at(-1)).toBe(100);
      await client.modifyVm(vm.uuid, { memoryMiB: 77 });
      const second = await client.takeSnapshot(vm.uuid, { name: "base" });
      expect(await client.snapshots(vm.uuid)).toEqual([
        { uuid: first, name: "base", description, current: false },
        { uuid: second, name: "base", description: "", parent: first, current: true },
      ]);
      await client.editSnapshot(vm.uuid, first, { name: "other", description: "new" });
      await client.restoreSnapshot(vm.uuid, first);
      expect((await client.vm(vm.uuid))?.memoryMiB).not.toBe(77);
      expect((await client.snapshots(vm.uuid))[0]).toEqual({
        uuid: first,
        name: "other",
        description: "new",
        current: true,
      });
      await client.deleteSnapshot(vm.uuid, second);
      await client.deleteSnapshot(vm.uuid, second);
      await client.deleteSnapshot(vm.uuid, NOBODY);
      expect((await client.snapshots(vm.uuid)).map(({ uuid }) => uuid)).toEqual([first]);
      await client.deleteVm(vm.uuid);
      expect(await client.snapshots(vm.uuid)).toEqual([]);
    });

    it("trap virtualbox#23: is refused the deletion of one with two children, at once", async () => {
      const { client, machine } = bench();
      const vm = await machine();
      const root = await client.takeSnapshot(vm.uuid, { name: "root" });
      await client.takeSnapshot(vm.uuid, { name: "a" });
      await client.restoreSnapshot(vm.uuid, root);
      await client.takeSnapshot(vm.uuid, { name: "b" });
      const started = Date.now();
      const refused = await client.deleteSnapshot(vm.uuid, root).catch((error: unknown) => error);
      expect(refused).toMatchObject({ code: "VBOX_E_INVALID_OBJECT_STATE", failure: "final" });
      expect(Date.now() - started).toBeLessThan(30_000);
      await client.deleteVm(vm.uuid);
    });

    it("trap virtualbox#28: has a file of the machine's own on top of a disk, and the disk again when it is deleted", async () => {
      const { client, machineWithSata, disk } = bench();
      const { path, uuid } = await disk();
      const vm = await machineWithSata();
      await client.attach(vm.uuid, FIRST, { kind: "disk", medium: path });
      const snapshot = await client.takeSnapshot(vm.uuid, { name: fresh("snapshot") });
      const attached = async () => (await client.vm(vm.uuid))?.attachments[0];
      const top = await attached();
      expect(top?.path).toContain("Snapshots");
      expect((await client.media()).find((medium) => medium.uuid === top?.medium)?.parent).toBe(uuid);
      await client.deleteSnapshot(vm.uuid, snapshot);
      expect(await attached()).toMatchObject({ path, medium: uuid });
      await client.deleteVm(vm.uuid);
      await client.closeMedium("disk", path, { deleteFile: true });
    });

    it("trap virtualbox#57: keeps the path of a linked clone, which a deleted snapshot merges into another file", async () => {
      const { client, machineWithSata, disk, path } = bench();
      const base = await disk();
      const linked = `${path("linked")}.vdi`;
      await client.createDifferencing({ path: linked, parent: base.path });
      const vm = await machineWithSata();
      await client.attach(vm.uuid, FIRST, { kind: "disk", medium: linked });
      const snapshot = await client.takeSnapshot(vm.uuid, { name: "s" });
      await client.deleteSnapshot(vm.uuid, snapshot);
      expect((await client.vm(vm.uuid))?.attachments[0]?.path).toBe(linked);
      expect(await client.medium("disk", linked)).toMatchObject({ parent: base.uuid, accessible: true });
      await client.deleteVm(vm.uuid);
      for (const file of [linked, base.path]) await client.closeMedium("disk", file, { deleteFile: true });
    });
  });
}
