import { Ajv } from "ajv";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { hostDefinition } from "../../providers/fog/host.handlers";
import { imageDefinition } from "../../providers/fog/image.handlers";
import { benchOf, type FogLab, host, image, inventory, MAC, startLab, wipe } from "./fog-handlers.lab";
import { Killed } from "./libvirt-handlers.run";

const SECOND = "52:54:00:aa:00:02";
const OURS = "[labplan ct8handl/test/pod1-node1]";
const THEIRS = "[labplan another1/test/pod1-node1]";

describe("records of a FOG server", () => {
  let lab: FogLab;
  const hosts = benchOf(() => lab, hostDefinition, "pod1-node1");
  const images = benchOf(() => lab, imageDefinition, "rocky9");

  beforeAll(async () => {
    lab = await startLab();
  });
  afterEach(() => wipe(lab));
  afterAll(() => lab.stop());

  describe("a host", () => {
    it("is registered, found as it is, and removed", async () => {
      expect(await hosts.precheck(host())).toEqual([]);
      const state = await hosts.apply(host());
      expect(state).toMatchObject({ name: "pod1-node1", macs: [MAC], adopted: false });
      expect(await hosts.preview(host(), state)).toEqual([]);
      const [made] = await (await lab.client()).hosts();
      expect(made).toMatchObject({ id: state.hostId, description: OURS, macs: [MAC], imageId: 0 });
      await hosts.remove(state);
      await hosts.remove(state);
      expect(await inventory(lab)).toEqual({});
    });

    it("trap fog#9: of a name that FOG would cut off or never find again is refused before anything is sent", () => {
      const check = new Ajv({ strict: false }).compile(hostDefinition.schema);
      for (const name of ["pod1-node1", "hpe7", "12", "a.b_c-d", "fifteen-chars-1"])
        expect(check(host({ name })), name).toBe(true);
      for (const name of ["sixteen-chars-16", "pod 1", "", "pod1/1", "pod1\n", "pöd1"])
        expect(check(host({ name })), name).toBe(false);
    });

    it("trap fog#3: gets other MACs one by one, and keeps its first one first", async () => {
      const state = await hosts.apply(host());
      const both = host({ macs: [MAC, SECOND] });
      const after = await hosts.apply(both, state);
      expect(after).toMatchObject({ hostId: state.hostId, macs: [MAC, SECOND] });
      expect((await (await lab.client()).host(state.hostId))?.macs).toEqual([MAC, SECOND]);
      const swapped = await hosts.apply(host({ macs: [SECOND, MAC] }), after);
      expect((await (await lab.client()).host(state.hostId))?.macs).toEqual([SECOND, MAC]);
      expect(swapped.macs).toEqual([SECOND, MAC]);
    });

    it("tells of MACs that were changed in the server, and sets them right", async () => {
      const state = await hosts.apply(host());
      await (await lab.client()).editHost(state.hostId, { macs: [SECOND] });
      expect(await hosts.preview(host(), state)).toEqual(["macs: live"]);
      await hosts.apply(host(), state);
      expect(await hosts.preview(host(), state)).toEqual([]);
    });

    it("of that name without our mark, or with another lab's, is refused in the preview and left alone", async () => {
      const client = await lab.client();
      for (const description of ["rack 3", `rack 3 ${THEIRS}`, "[labplan ct8handl/other/pod1-node1]"]) {
        const theirs = await client.createHost({ name: "POD1-node1", macs: [MAC], description });
        const before = await inventory(lab);
        const [problem] = await hosts.precheck(host());
        expect(problem?.field).toBe("name");
        expect(problem?.message).toContain(
          description.includes("labplan") ? "belongs to" : "not made by this lab",
        );
        await expect(hosts.apply(host())).rejects.toThrow(problem?.message);
        expect(await hosts.observe(host())).toBeUndefined();
        await hosts.remove({ ...host(), hostId: theirs.id, adopted: false });
        expect(await inventory(lab)).toEqual(before);
        await client.deleteHost(theirs.id);
      }
    });

    it("is adopted when told so, without another's mark, and released as it was", async () => {
      const client = await lab.client();
      const { id } = await client.createHost({ name: "pod1-node1", macs: [MAC], description: "rack 3" });
      const adopting = host({ adopt: true, macs: undefined as never });
      delete adopting.macs;
      expect(await hosts.precheck(adopting)).toEqual([]);
      const state = await hosts.apply(adopting);
      expect(state).toMatchObject({ hostId: id, adopted: true });
      expect((await client.host(id))?.description).toBe("rack 3 [labplan ct8handl/test/pod1-node1 adopted]");
      expect(await hosts.preview(adopting, state)).toEqual([]);
      await hosts.remove(state);
      expect((await client.host(id))?.description).toBe("rack 3");
      await client.editHost(id, { description: `rack 3 ${THEIRS}` });
      expect((await hosts.precheck(adopting))[0]?.message).toContain("belongs to another1/test");
      await expect(hosts.apply(adopting)).rejects.toThrow("belongs to another1/test");
    });

    it("that was adopted is deleted only by onDestroy: delete", async () => {
      const client = await lab.client();
      await client.createHost({ name: "pod1-node1", macs: [MAC], description: "" });
      await hosts.remove(await hosts.apply(host({ adopt: true, onDestroy: "delete" })));
      expect(await inventory(lab)).toEqual({});
    });

    it("that is not there needs MACs; one with a MAC of another is refused", async () => {
      const { macs: _, ...bare } = host();
      expect(await hosts.precheck({ ...bare, adopt: true })).toMatchObject([{ field: "macs" }]);
      await (await lab.client()).createHost({ name: "other", macs: [MAC], description: "" });
      const problems = await hosts.precheck(host());
      expect(problems).toMatchObject([{ field: "macs" }]);
      expect(problems[0]?.message).toContain('is a MAC of the FOG server\'s host "other"');
      await expect(hosts.apply(host())).rejects.toThrow('host "other"');
    });

    it("on which a task runs is not deleted under it, and says whose that is", async () => {
      const client = await lab.client();
      const state = await hosts.apply(host());
      const { id } = await client.createImage({ ...IMAGE, name: "theirs" });
      await client.editHost(state.hostId, { imageId: id });
      const made = await client.host(state.hostId);
      await (await lab.other()).startTask(made as never, 1, "inventory of the rack");
      await expect(hosts.remove(state)).rejects.toThrow(
        /task \d+ "inventory of the rack - pod1-node1" \(started by technician\)/,
      );
      expect(await client.host(state.hostId)).toBeDefined();
      expect(await client.activeTasks(state.hostId)).toHaveLength(1);
    });

    it("carries on wherever it was killed", async () => {
      const clean = hosts.trace();
      const wanted = await hosts.apply(host(), undefined, { trace: clean });
      await hosts.remove(wanted);
      for (const dieAt of clean.steps) {
        await expect(hosts.apply(host(), undefined, { dieAt })).rejects.toThrow(Killed);
        const state = await hosts.apply(host());
        expect({ ...state, hostId: 0 }).toEqual({ ...wanted, hostId: 0 });
        await expect(hosts.remove(state, { dieAt: "1/1 delete" })).rejects.toThrow(Killed);
        await hosts.remove(state);
        expect(await inventory(lab)).toEqual({});
      }
    });

    it("trap fog#12: that the server says it made, and did not, is an error and no resource", async () => {
      lab.faults({ procedure: "fog:POST host/create", do: "lie" });
      await expect(hosts.apply(host())).rejects.toThrow("has none");
      lab.faults();
      expect(await inventory(lab)).toEqual({});
    });
  });

  describe("an image", () => {
    it("is registered, found as it is, edited field by field, and removed", async () => {
      expect(await images.precheck(image())).toEqual([]);
      const state = await images.apply(image());
      expect(await images.preview(image(), state)).toEqual([]);
      const edited = image({ path: "rocky9b", osId: 9, enabled: false });
      expect(await images.preview(edited, state)).toEqual(["path: live", "osId: live", "enabled: live"]);
      const after = await images.apply(edited, state);
      expect(await (await lab.client()).imageByName("ROCKY9")).toMatchObject({
        path: "rocky9b",
        osId: 9,
        enabled: false,
        description: "[labplan ct8handl/test/rocky9]",
      });
      expect(await images.preview(edited, after)).toEqual([]);
      await images.remove(after);
      await images.remove(after);
      expect(await inventory(lab)).toEqual({});
    });

    it("that was changed in the server is told, and set right", async () => {
      const state = await images.apply(image());
      await (await lab.client()).editImage(state.imageId, { path: "elsewhere", osId: 9 });
      expect(await images.preview(image(), state)).toEqual(["path: live", "osId: live"]);
      await images.apply(image(), state);
      expect(await images.preview(image(), state)).toEqual([]);
    });

    it("of somebody else is refused; one that is adopted keeps what the config does not say, and is released", async () => {
      const client = await lab.client();
      const { id } = await client.createImage({ ...IMAGE, description: "of the rack", osId: 9 });
      expect((await images.precheck(image()))[0]?.message).toContain(
        'image "rocky9" that was not made by this lab',
      );
      await expect(images.apply(image())).rejects.toThrow("not made by this lab");
      const adopting = { name: "rocky9", backend: "metal", adopt: true };
      const state = await images.apply(adopting);
      expect(state).toEqual({ ...adopting, imageId: id, adopted: true });
      expect(await client.imageByName("rocky9")).toMatchObject({ osId: 9, path: "theirs" });
      await images.remove(state);
      expect(await client.imageByName("rocky9")).toMatchObject({ description: "of the rack", osId: 9 });
    });

    it("that is not there needs a path", async () => {
      expect(await images.precheck({ name: "rocky9", backend: "metal", adopt: true })).toMatchObject([
        { field: "path" },
      ]);
    });

    it("that a host is imaged with is not deleted under it; one that is only assigned is told", async () => {
      const client = await lab.client();
      const state = await images.apply(image());
      const made = await client.createHost({ name: "other", macs: [MAC], description: "" });
      const used = await client.editHost(made.id, { imageId: state.imageId });
      const task = await client.startTask(used, 1, "theirs");
      await expect(images.remove(state)).rejects.toThrow(`task ${task.id} "theirs - other"`);
      expect(await client.imageByName("rocky9")).toBeDefined();
      await client.cancelTasks(used);
      const trace = images.trace();
      await images.remove(state, { trace });
      expect(trace.said[0]).toContain('is still the image of "other"');
    });

    it("carries on wherever it was killed", async () => {
      for (const dieAt of ["1/2 record", "2/2 fields"]) {
        await expect(images.apply(image(), undefined, { dieAt })).rejects.toThrow(Killed);
        const state = await images.apply(image());
        expect(await images.preview(image(), state)).toEqual([]);
        await images.remove(state);
        expect(await inventory(lab)).toEqual({});
      }
    });
  });
});

const IMAGE = {
  name: "rocky9",
  description: "",
  path: "theirs",
  osId: 50,
  imageType: 1,
  partitionType: 1,
  enabled: true,
};
