import { describe, expect, it } from "vitest";
import type { MachineState } from "../../providers/virtualbox/machine";
import { machineDefinition } from "../../providers/virtualbox/machine.handlers";
import { mediumDefinition } from "../../providers/virtualbox/medium.handlers";
import { snapshotDefinition } from "../../providers/virtualbox/snapshot.handlers";
import { benchOf } from "./virtualbox-handlers.bench";
import {
  clientOf,
  disk,
  type HandlerSystem,
  inventory,
  machine,
  snapshotOf,
} from "./virtualbox-handlers.lab";

const MIB = 1024 * 1024;

export function snapshotSuite(system: () => HandlerSystem): void {
  describe("snapshots", () => {
    const { apply, observe, preview, remove } = benchOf(system, snapshotDefinition);
    const machines = benchOf(system, machineDefinition);
    const media = benchOf(system, mediumDefinition);
    const client = () => clientOf(system());

    /** A machine on a linked clone and a disk of its own. */
    async function prepare(): Promise<MachineState> {
      await media.apply(disk("image"));
      const root = await media.apply(disk("root", { parent: disk("image").name, clone: "linked" }));
      const data = await media.apply(disk("data"));
      return machines.apply(machine("w1", { disks: [{ medium: root.name }, { medium: data.name }] }));
    }

    it("are taken, relabelled, gone back to and deleted", async () => {
      const state = await prepare();
      const inputs = snapshotOf("w1", "clean", { description: "before\nthe upgrade" });
      expect(await observe(inputs)).toBeUndefined();
      const taken = await apply(inputs);
      expect(await preview(inputs, taken)).toEqual([]);
      const again = await apply(inputs, taken);
      expect(again).toEqual(taken);

      const relabelled = await apply({ ...inputs, name: "pristine", description: "" }, taken, {
        name: "clean",
      });
      expect(relabelled.uuid).toBe(taken.uuid);
      const c = await client();
      expect(await c.snapshots(state.uuid)).toMatchObject([{ name: "pristine", uuid: taken.uuid }]);

      await c.modifyVm(state.uuid, { cpus: 4 });
      const back = { ...relabelled, restore: 1 };
      const restored = await apply(back, relabelled, { name: "clean" });
      expect((await c.vm(state.uuid))?.cpus).toBe(1);
      expect(restored.restore).toBe(1);
      await c.modifyVm(state.uuid, { cpus: 4 });
      await apply(back, restored, { name: "clean" }); // once is enough
      expect((await c.vm(state.uuid))?.cpus).toBe(4);

      await remove(restored, { name: "clean" });
      await remove(restored, { name: "clean" });
      expect(await c.snapshots(state.uuid)).toEqual([]);
    });

    it("trap virtualbox#16: two of the same name are told apart, and a foreign one stays", async () => {
      const state = await prepare();
      const c = await client();
      const theirs = await c.takeSnapshot(state.uuid, { name: "clean" });
      const inputs = snapshotOf("w1", "clean");
      expect(await observe(inputs)).toBeUndefined();
      const ours = await apply(inputs);
      expect(ours.uuid).not.toBe(theirs);
      await remove(ours);
      expect(await c.snapshots(state.uuid)).toMatchObject([{ uuid: theirs }]);
    });

    it("trap virtualbox#28: a machine with a snapshot has its disks all the same", async () => {
      const state = await prepare();
      await apply(snapshotOf("w1", "clean"));
      expect((await (await client()).vm(state.uuid))?.attachments[0]?.path).toMatch(/Snapshots/);
      expect(await machines.preview(state, state)).toEqual([]);
      const after = await machines.apply({ ...state, cpus: 2 }, state);
      expect(await machines.preview(after, after)).toEqual([]);
    });

    it("that are deleted leave linked clones where they belong", async () => {
      const state = await prepare();
      const before = await inventory(system());
      const one = await apply(snapshotOf("w1", "one"));
      const two = await apply(snapshotOf("w1", "two"));
      await remove(one);
      await remove(two);
      expect(await machines.preview(state, state)).toEqual([]);
      const root = disk("root", { parent: disk("image").name, clone: "linked" });
      expect(await media.preview(root, await media.apply(root))).toEqual([]);
      expect(Object.keys(await inventory(system()))).toEqual(Object.keys(before));
    });

    it("of a machine that is removed are merged first: its disks keep what was written", async () => {
      const state = await prepare();
      await apply(snapshotOf("w1", "one"));
      await machines.remove(state);
      const c = await client();
      expect(await c.vms()).toEqual([]);
      for (const name of ["image", "root", "data"])
        expect(
          await c.fileExists(
            (
              await media.apply(
                disk(name, name === "root" ? { parent: disk("image").name, clone: "linked" } : {}),
              )
            ).path,
          ),
          name,
        ).toBe(true);
      const left = (await c.media()).map(({ path }) => path);
      expect(left.filter((path) => path.includes("Snapshots"))).toEqual([]);
    });

    it("let a disk grow: what the guest writes to, too", async () => {
      const state = await prepare();
      await apply(snapshotOf("w1", "one"));
      const grown = await media.apply(disk("data", { capacity: 16 * MIB }));
      expect(grown.capacity).toBe(16 * MIB);
      const c = await client();
      const leaf = (await c.vm(state.uuid))?.attachments[1]?.path ?? "";
      expect(leaf).toMatch(/Snapshots/);
      expect((await c.medium("disk", leaf))?.capacityBytes).toBe(16 * MIB);
    });

    it("that were deleted outside do not make a disk look lost", async () => {
      const state = await prepare();
      const c = await client();
      await apply(snapshotOf("w1", "one"));
      const root = disk("root", { parent: disk("image").name, clone: "linked" });
      const known = await media.apply(root);
      // As VirtualBox itself would leave it: our file merged into the snapshot's own.
      const facts = await c.vm(state.uuid);
      const leaf = facts?.attachments[0];
      expect(leaf?.path).toMatch(/Snapshots/);
      const [{ uuid: snapshot } = { uuid: "" }] = await c.snapshots(state.uuid);
      await c.deleteSnapshot(state.uuid, snapshot);
      const heir = await c.medium("disk", known.path);
      await c.moveMedium(heir?.uuid ?? "", leaf?.path ?? "");
      await expect(media.observe(root, known)).rejects.toThrow(/modifymedium disk .* --move/);
    });
  });
}
