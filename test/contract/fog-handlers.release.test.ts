import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import type { Run } from "../../providers/core/definition";
import type { CaptureInputs, CaptureState } from "../../providers/fog/capture";
import { captureDefinition } from "../../providers/fog/capture.handlers";
import { hostDefinition } from "../../providers/fog/host.handlers";
import { imageDefinition } from "../../providers/fog/image.handlers";
import type { ImagedHostInputs, ImagedHostState } from "../../providers/fog/imaged-host";
import { imagedHostDefinition } from "../../providers/fog/imaged-host.handlers";
import { BMC, type Metal, reset, startMetal } from "./fog-handlers.embedded";
import { capture, host, image, imaged, MAC } from "./fog-handlers.lab";
import { Killed, newTrace, type RunOptions, runOn, type Trace, up } from "./libvirt-handlers.run";

const NAME = "pod1-node1";
const wanted = (more: Partial<ImagedHostInputs> = {}): ImagedHostInputs => imaged({ power: BMC, ...more });

describe("a host of the embedded FOG server", () => {
  let metal: Metal;

  beforeAll(async () => {
    metal = await startMetal();
  });
  afterEach(() => reset(metal));
  afterAll(() => metal.stop());

  const run = (options: RunOptions = {}): Run<ImagedHostState> =>
    runOn(metal.backend, { name: NAME, ...options });
  const register = (name = NAME, mac = MAC) =>
    up(hostDefinition, host({ name, macs: [mac] }), runOn(metal.backend, { name }));
  const apply = (inputs: ImagedHostInputs, known?: ImagedHostState, options: RunOptions = {}) =>
    up(imagedHostDefinition, inputs, run(options), known);
  const release = (state: ImagedHostState, options: RunOptions = {}) =>
    imagedHostDefinition.remove(state, run(options));
  const record = async (name = NAME) => (await metal.client()).hostByName(name);
  const lastTask = async (): Promise<number> => {
    const client = await metal.client();
    for (let id = 1; ; id++) if (!(await client.task(id))) return id - 1;
  };
  /** Up with rocky9, to be given back in this way. */
  const made = async (onRelease: string): Promise<ImagedHostState> => {
    await register();
    return apply(wanted({ onRelease }));
  };

  describe("that is given back", () => {
    it("trap seeds#10: gets its clean image, even when the tenant has taken our key away", async () => {
      const state = await made("image:clean");
      await metal.on(MAC, "rm", "/root/.ssh/authorized_keys");
      await expect(metal.on(MAC, "true")).rejects.toThrow("refused");
      const trace = newTrace();
      await release(state, { trace });
      expect(trace.steps).toEqual(["1/5 find", "2/5 image", "3/5 task", "4/5 boot", "5/5 imaging"]);
      expect(trace.progress.some((line) => line.includes("release with image clean, in progress"))).toBe(
        true,
      );
      await metal.until(() => metal.isUp(MAC));
      expect((await metal.on(MAC, "cat", "/etc/image-name")).trim()).toBe("clean");
      expect((await record())?.description).toBe("[labplan ct8handl/test/pod1-node1]");
    });

    it("trap seeds#9: is rebooted for it, and carried on from every step when its run is killed", async () => {
      for (const dieAt of ["1/5 find", "2/5 image", "3/5 task", "4/5 boot", "5/5 imaging"]) {
        const state = await made("image:clean");
        const tasks = await lastTask();
        await expect(release(state, { dieAt })).rejects.toThrow(/not released.*killed before/);
        await release(state);
        // One that was done before the kill was seen is done again: nobody knows who used the host since.
        expect(await lastTask(), dieAt).toBeLessThanOrEqual(tasks + (dieAt === "5/5 imaging" ? 2 : 1));
        await metal.until(() => metal.isUp(MAC));
        expect((await metal.on(MAC, "cat", "/etc/image-name")).trim()).toBe("clean");
        expect(await (await metal.client()).activeTasks()).toEqual([]);
      }
    });

    it("and used since an earlier release was done is imaged again all the same", async () => {
      const state = await made("image:clean");
      await release(state);
      const tasks = await lastTask();
      await release(state);
      expect(await lastTask()).toBe(tasks + 1);
    });

    it("is wiped", async () => {
      const state = await made("wipe");
      await release(state);
      const client = await metal.client();
      expect(await client.task(await lastTask())).toMatchObject({ type: 18, state: 4 });
      expect(await metal.isUp(MAC)).toBe(false);
    });

    it("is switched off and nothing else, also when its record is gone or the server away", async () => {
      const state = await made("poweroff");
      await release(state);
      expect(await metal.power(MAC)).toBe("off");
      const again = await apply(wanted({ onRelease: "poweroff", generation: 2 }), state);
      metal.faults(
        { procedure: "fog:GET host", do: "error", code: 503 },
        { procedure: "fog:GET host/N", do: "error", code: 503 },
      );
      const trace = newTrace();
      await release(again, { trace });
      expect(trace.said.join()).toContain("could not be looked at");
      expect(await metal.power(MAC)).toBe("off");
      metal.faults();
      await (await metal.client()).deleteHost(again.hostId);
      await release(again);
    });

    it("is kept as it is", async () => {
      const state = await made("keep");
      const boot = (await metal.on(MAC, "cat", "/proc/sys/kernel/random/boot_id")).trim();
      await release(state);
      await (await metal.client()).deleteHost(state.hostId);
      await release(state);
      expect(await lastTask()).toBe(state.taskId);
      expect(boot).toBe(state.bootId);
    });

    it("trap seeds#9: and fails stays in the state, and says what to do", async () => {
      const state = await made("image:gone");
      await expect(release(state)).rejects.toThrow(
        /^pod1-node1 is not released \(onRelease: image:gone\), and stays in the state: .*has no image "gone".*"onRelease: keep"/,
      );
      metal.faults({ procedure: "fog:progress", do: "error", nth: 3 });
      const clean = { ...state, onRelease: "image:clean", imaging: { ...state.imaging, stallS: 0.6 } };
      await expect(release(clean)).rejects.toThrow("made no progress");
      metal.faults();
      await (await metal.client()).cancelTasks((await record()) as never);
      await release(clean);
      await (await metal.client()).deleteHost(state.hostId);
      await expect(release({ ...state, onRelease: "image:clean" })).rejects.toThrow(
        "has no host of this name",
      );
    });

    it("and belongs to another lab now, or to nobody, is left alone", async () => {
      const state = await made("poweroff");
      const client = await metal.client();
      for (const description of ["[labplan another1/test/pod1-node1]", "rack 3"]) {
        await client.editHost(state.hostId, { description });
        const trace = newTrace();
        await release(state, { trace });
        await release({ ...state, onRelease: "image:clean" }, { trace });
        expect(trace.said).toHaveLength(2);
        expect(await metal.power(MAC)).toBe("on");
        expect(await lastTask()).toBe(state.taskId);
      }
    });

    it("trap fog#1: while somebody else's task runs on it is left alone, and says whose that is", async () => {
      for (const onRelease of ["image:clean", "wipe", "poweroff"]) {
        const state = await made(onRelease);
        const theirs = await metal.other().startTask((await record()) as never, 1, "for the next one");
        await expect(release(state)).rejects.toThrow(
          '"for the next one - pod1-node1" (started by technician) is under way',
        );
        expect((await (await metal.client()).task(theirs.id))?.state).toBe(1);
        expect(await metal.power(MAC)).toBe("on");
        await reset(metal);
      }
    });

    it("in the middle of an imaging of ours waits for its end", async () => {
      await register();
      await expect(apply(wanted(), undefined, { dieAt: "5/8 imaging" })).rejects.toThrow(Killed);
      const state = {
        ...wanted({ onRelease: "image:clean" }),
        hostId: (await record())?.id ?? 0,
      } as ImagedHostState;
      await release(state);
      await metal.until(() => metal.isUp(MAC));
      expect((await metal.on(MAC, "cat", "/etc/image-name")).trim()).toBe("clean");
    });
  });

  describe("that an image is captured from", () => {
    const golden = (more: Partial<CaptureInputs> = {}) => capture({ power: BMC, ...more });
    const runCapture = (options: RunOptions = {}): Run<CaptureState> =>
      runOn(metal.backend, { name: "golden", ...options });
    const take = (inputs: CaptureInputs, known?: CaptureState, options: RunOptions = {}) =>
      up(captureDefinition, inputs, runCapture(options), known);
    const prepare = async (): Promise<ImagedHostState> => {
      await register();
      const state = await apply(wanted());
      await up(
        imageDefinition,
        image({ name: "golden", path: "golden" }),
        runOn(metal.backend, { name: "golden" }),
      );
      return state;
    };
    const forget = async () => {
      const client = await metal.client();
      const found = await client.imageByName("golden");
      if (found) await client.deleteImage(found.id);
    };
    afterEach(forget);

    it("holds what was on its disk, comes up again, and keeps its own image in the record", async () => {
      await prepare();
      const rocky = (await record())?.imageId;
      await metal.on(MAC, "sh", "-c", "echo golden > /etc/image-name");
      const trace = newTrace();
      const state = await take(golden(), undefined, { trace });
      expect(trace.steps).toEqual(["1/6 find", "2/6 image", "3/6 task", "4/6 boot", "5/6 capture", "6/6 up"]);
      expect(state).toMatchObject({ capturedGeneration: 1, host: NAME });
      expect((await record())?.imageId).toBe(rocky);
      await metal.until(() => metal.isUp(MAC));
      await register("pod1-node2", "52:54:00:aa:00:02");
      const onOther = wanted({
        name: "pod1-node2",
        mac: "52:54:00:aa:00:02",
        image: "golden",
        proof: { marker: { path: "/etc/image-name", text: "golden" } },
      });
      await up(imagedHostDefinition, onOther, runOn(metal.backend, { name: "pod1-node2" }));
    });

    it("is captured again by another generation alone, which the preview tells", async () => {
      await prepare();
      const state = await take(golden());
      const tasks = await lastTask();
      const edited = golden({
        imaging: { queuedS: 9, stallS: 9, totalS: 9, bootS: 9 },
        power: { kind: "none" },
      });
      expect(await take(edited, state)).toEqual({ ...state, ...edited });
      expect(await lastTask()).toBe(tasks);
      expect(captureDefinition.notes?.(golden(), state)).toEqual([]);
      expect(captureDefinition.notes?.(golden({ generation: 2 }), state)?.[0]).toMatch(
        /^captures image golden anew from pod1-node1, which replaces what it holds \(about \d+ s\)$/,
      );
      const again = await take(golden({ generation: 2 }), state);
      expect(again.capturedGeneration).toBe(2);
      expect(await lastTask()).toBe(tasks + 1);
      expect(await captureDefinition.observe(golden(), runCapture(), again)).toEqual(again);
      await forget();
      expect(await captureDefinition.observe(golden(), runCapture(), again)).toBeUndefined();
    });

    it("never writes over an image that is not ours", async () => {
      await prepare();
      const tasks = await lastTask();
      await expect(take(golden({ name: "clean" }))).rejects.toThrow(
        'replaces what an image holds: the FOG server has an image "clean" that was not made by this lab',
      );
      expect(await lastTask()).toBe(tasks);
    });

    it("is carried on from every step when its run is killed, with one task", async () => {
      await prepare();
      for (const dieAt of ["1/6 find", "2/6 image", "3/6 task", "4/6 boot", "5/6 capture", "6/6 up"]) {
        const rocky = (await metal.client()).imageByName("rocky9");
        const tasks = await lastTask();
        const trace: Trace = newTrace();
        await expect(take(golden(), undefined, { dieAt, trace })).rejects.toThrow(Killed);
        await take(golden(), trace.saved && ({ ...golden(), ...trace.saved } as CaptureState));
        expect(await lastTask(), dieAt).toBe(tasks + 1);
        expect((await record())?.imageId, dieAt).toBe((await rocky)?.id);
      }
    });
  });

  it("is one of twelve that are imaged in the time of one, as far as there are slots", async () => {
    const all = Array.from({ length: 12 }, (_, index) => ({
      name: `pod2-node${index}`,
      mac: `52:54:00:cc:00:${index.toString(16).padStart(2, "0")}`,
    }));
    await Promise.all(all.map(({ name, mac }) => register(name, mac)));
    const times = await Promise.all(
      all.map(async ({ name, mac }) => {
        const start = performance.now();
        await up(imagedHostDefinition, wanted({ name, mac }), runOn(metal.backend, { name }));
        return performance.now() - start;
      }),
    );
    expect(await lastTask()).toBeGreaterThanOrEqual(12);
    expect(Math.max(...times)).toBeLessThan(40_000);
    expect((await (await metal.client()).activeTasks()).length).toBe(0);
  });
});
