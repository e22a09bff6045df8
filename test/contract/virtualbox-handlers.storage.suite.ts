import { createHash } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { machineDefinition } from "../../providers/virtualbox/machine.handlers";
import { mediumDefinition } from "../../providers/virtualbox/medium.handlers";
import { benchOf } from "./virtualbox-handlers.bench";
import { clientOf, disk, type HandlerSystem, inventory, machine, PREFIX } from "./virtualbox-handlers.lab";

const MIB = 1024 * 1024;

export function storageSuite(system: () => HandlerSystem): void {
  describe("media", () => {
    const { apply, observe, precheck, preview, remove, trace } = benchOf(system, mediumDefinition);
    const machines = benchOf(system, machineDefinition);
    let files: string;
    let raw: string;
    beforeAll(() => {
      files = mkdtempSync(join(tmpdir(), "labplan-media-"));
      raw = join(files, "image.raw");
      writeFileSync(raw, Buffer.alloc(3 * MIB, "image"));
    });
    afterAll(() => rmSync(files, { recursive: true, force: true }));
    const sha256 = (text: Buffer) => `sha256:${createHash("sha256").update(text).digest("hex")}`;
    const image = (more = {}) => {
      const { capacity: _, ...rest } = disk("image");
      return { ...rest, source: { path: raw }, ...more };
    };

    it("are blank disks, grow, and are gone with their file", async () => {
      const inputs = disk("data", { capacity: 8 * MIB + 1 });
      expect(await observe(inputs)).toBeUndefined();
      const first = await apply(inputs);
      expect(first).toMatchObject({
        ...inputs,
        complete: true,
        uuid: expect.stringMatching(/^[0-9a-f-]{36}$/),
      });
      expect(await preview(inputs, first)).toEqual([]);
      const grown = await apply({ ...inputs, capacity: 20 * MIB }, first);
      expect(grown).toMatchObject({ capacity: 20 * MIB, uuid: first.uuid });
      await remove(grown);
      await remove(grown);
      expect(await inventory(system())).toEqual({});
    });

    it("trap virtualbox#29: a disk never shrinks: refused in the preview, and by the run", async () => {
      const before = disk("data", { capacity: 16 * MIB });
      const inputs = disk("data", { capacity: 8 * MIB });
      const problem = { field: "capacity", message: expect.stringMatching(/16 MiB large and never shrinks/) };
      expect(mediumDefinition.refuse?.(inputs, before)).toEqual([problem]);
      const state = await apply(before);
      await expect(apply(inputs, state)).rejects.toThrow(/never shrinks/);
      expect(mediumDefinition.refuse?.({ ...inputs, source: { path: raw } }, before)).toEqual([]);
    });

    it("trap virtualbox#53: are made of an image, of which no other copy stays, and cloned from it, linked and full", async () => {
      const base = await apply(image({ checksum: sha256(Buffer.alloc(3 * MIB, "image")) }));
      expect(base).toMatchObject({ complete: true });
      const c = await clientOf(system());
      const folder = base.path.replace(/[/\\][^/\\]*$/, "");
      expect((await c.listFolder(folder)).map((name) => name.replace(/\.[0-9a-f]{12}/, "")).sort()).toEqual([
        `${base.name}.ok`,
        `${base.name}.vdi`,
      ]);
      const linked = await apply(disk("linked", { parent: base.name, clone: "linked", capacity: 12 * MIB }));
      const full = await apply(disk("full", { parent: base.name, clone: "full", capacity: 12 * MIB }));
      const [image_, a, b] = await Promise.all(
        [base, linked, full].map(({ path }) => c.medium("disk", path)),
      );
      expect(image_).toMatchObject({ capacityBytes: 3 * MIB });
      expect(a).toMatchObject({ parent: base.uuid, capacityBytes: 12 * MIB });
      expect(b?.parent).toBeUndefined();
      expect(b).toMatchObject({ capacityBytes: 12 * MIB });
      for (const state of [base, linked, full]) expect(await preview(state, state)).toEqual([]);
      await remove(linked);
      await remove(full);
      await remove(base);
      expect(await inventory(system())).toEqual({});
    });

    it("are ISOs as they are", async () => {
      const text = Buffer.alloc(64 * 1024, "iso");
      const path = join(files, "tool.iso");
      writeFileSync(path, text);
      const { capacity: _, ...rest } = disk("tool");
      const state = await apply({ ...rest, format: "iso", source: { path }, checksum: sha256(text) });
      const c = await clientOf(system());
      expect((await c.readFile(state.path))?.equals(text)).toBe(true);
      const vm = await machines.apply(machine("w1", { disks: [{ medium: state.name, device: "dvd" }] }));
      expect(await machines.preview(vm, vm)).toEqual([]);
      await machines.remove(vm);
      await remove(state);
      expect(await inventory(system())).toEqual({});
    });

    it("with a wrong checksum, or packed, leave nothing behind", async () => {
      await expect(apply(image({ checksum: sha256(Buffer.from("other")) }))).rejects.toThrow(/checksum/);
      const packed = join(files, "image.xz");
      writeFileSync(
        packed,
        Buffer.concat([Buffer.from([0xfd, 0x37, 0x7a, 0x58, 0x5a, 0]), Buffer.alloc(100)]),
      );
      await expect(apply(image({ source: { path: packed } }))).rejects.toThrow(/packed \(\.xz\)/);
      await expect(apply(image({ capacity: MIB }))).rejects.toThrow(/needs 3 MiB/);
      // An empty folder stays: taken away, it would be missed by a disk that is made at the same time.
      const { "folder labplan": _, ...left } = await inventory(system());
      expect(left).toEqual({});
    });

    it("that are half there are told, and made again", async () => {
      const told = trace();
      await expect(apply(image(), undefined, { dieAt: "4/4 size" })).rejects.toThrow();
      const c = await clientOf(system());
      const state = await apply(image());
      const marker = (await c.listFolder(state.path.replace(/[/\\][^/\\]*$/, ""))).find((name) =>
        name.endsWith(".ok"),
      );
      await c.removeFile(state.path.replace(/[^/\\]*$/, marker ?? ""));
      expect(await preview(state, state)).toEqual(["complete"]);
      const again = await apply(image(), state, { trace: told });
      expect(again.complete).toBe(true);
      expect(again.uuid).not.toBe(state.uuid);
    });

    it("trap virtualbox#27: a rolled back disk leaves no file, whether a machine had it or not", async () => {
      const data = await apply(disk("data"));
      const vm = await machines.apply(machine("w1", { disks: [{ medium: data.name }] }));
      await expect(remove(data)).rejects.toThrow(/medium "lp-/); // a machine has it
      await machines.remove(vm);
      await remove(data);
      expect(await inventory(system())).toEqual({});
    });

    it("that lost their file are made again, though VirtualBox still lists them", async () => {
      const data = await apply(disk("data"));
      const c = await clientOf(system());
      await c.removeFile(data.path);
      expect(await preview(data, data)).toEqual(["gone"]);
      const again = await apply(disk("data"));
      expect(again.complete).toBe(true);
      await remove(again);
      expect(await inventory(system())).toEqual({});
    });

    it("without our mark in front are refused", async () => {
      const inputs = { ...disk("data"), name: "data" };
      expect(await precheck(inputs)).toEqual([{ field: "name", message: expect.stringContaining(PREFIX) }]);
      await expect(apply(inputs)).rejects.toThrow(/must begin with/);
      await remove({ ...inputs, uuid: "", path: "/", complete: true });
    });
  });
}
