import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { Registry } from "../../kickstart/server/registry";
import { changesOf } from "../../providers/core/change";
import type { Definition, Run } from "../../providers/core/definition";
import { hostDefinition } from "../../providers/fog/host.handlers";
import type { ImagedHostInputs, ImagedHostState } from "../../providers/fog/imaged-host";
import { imagedHostDefinition } from "../../providers/fog/imaged-host.handlers";
import { freePort } from "../systems/loopback";
import { BMC, type Metal, reset, startMetal } from "./fog-handlers.embedded";
import { host, imaged, MAC } from "./fog-handlers.lab";
import { Killed, newTrace, type RunOptions, runOn, type Trace, up } from "./libvirt-handlers.run";

const NAME = "pod1-node1";
const ROCKY = {
  osRelease: { ID: "rocky", VERSION_ID: "9.*" },
  marker: { path: "/etc/image-name", text: "rocky9" },
};
const wanted = (more: Partial<ImagedHostInputs> = {}): ImagedHostInputs =>
  imaged({ power: BMC, proof: ROCKY, ...more });
const clean = (more: Partial<ImagedHostInputs> = {}): ImagedHostInputs =>
  wanted({ image: "clean", proof: { osRelease: { ID: "centos" } }, ...more });

describe("a host of the embedded FOG server that is imaged", () => {
  let metal: Metal;
  /** Everything that was said and kept, for the search for secrets. */
  const told: unknown[] = [];

  beforeAll(async () => {
    metal = await startMetal();
  });
  afterEach(() => reset(metal));
  afterAll(() => metal.stop());

  const run = (options: RunOptions = {}): Run<ImagedHostState> => {
    const trace = options.trace ?? newTrace();
    told.push(trace);
    return runOn(metal.backend, { name: NAME, ...options, trace });
  };
  const register = () => up(hostDefinition, host(), runOn(metal.backend, { name: NAME }));
  const apply = async (
    inputs: ImagedHostInputs,
    known?: ImagedHostState,
    options: RunOptions = {},
  ): Promise<ImagedHostState> => {
    const state = await up(imagedHostDefinition, inputs, run(options), known);
    told.push(state);
    return state;
  };
  const precheck = async (inputs: ImagedHostInputs, trace: Trace = newTrace()) =>
    (await imagedHostDefinition.precheck?.(inputs, run({ trace }))) ?? [];
  /** What a preview after a refresh tells of it. */
  const preview = async (inputs: ImagedHostInputs, known: ImagedHostState): Promise<string[]> => {
    const live = await imagedHostDefinition.observe(known, run(), known);
    if (!live) return ["gone"];
    const { fields, drifted } = changesOf(
      imagedHostDefinition as unknown as Definition<object>,
      live as never,
      inputs as never,
    );
    return [
      ...fields.map(({ field, class: what }) => `${field}: ${what}`),
      ...drifted.map(({ field }) => `${field} drifted`),
      ...(imagedHostDefinition.notes?.(inputs, live) ?? []),
    ];
  };
  const bootId = async () => (await metal.on(MAC, "cat", "/proc/sys/kernel/random/boot_id")).trim();
  const imageName = async () => (await metal.on(MAC, "cat", "/etc/image-name")).trim();
  const record = async () => (await metal.client()).hostByName(NAME);
  const lastTask = async (): Promise<number> => {
    const client = await metal.client();
    for (let id = 1; ; id++) if (!(await client.task(id))) return id - 1;
  };

  it("boots from the network, is followed to its end, comes up, and is proven", async () => {
    await register();
    const trace = newTrace();
    const state = await apply(wanted(), undefined, { trace });
    expect(state).toMatchObject({
      imagedImage: "rocky9",
      imagedGeneration: 1,
      bootId: await bootId(),
      sshHostKey: expect.stringMatching(/^ssh-ed25519 AAAA/),
      address: expect.stringMatching(/^127\./),
    });
    expect(await imageName()).toBe("rocky9");
    expect(trace.steps).toEqual([
      "1/8 find",
      "2/8 image",
      "3/8 task",
      "4/8 boot",
      "5/8 imaging",
      "6/8 up",
      "7/8 proof",
      "8/8 record",
    ]);
    expect((await record())?.description).toBe(`[labplan ct8handl/test/pod1-node1 done ${state.taskId}]`);
    expect(await preview(wanted(), state)).toEqual([]);
    await expect(metal.power(MAC)).resolves.toBe("on");
  });

  it("is not touched while its image stays, whatever else is edited", async () => {
    await register();
    const state = await apply(wanted());
    const boot = await bootId();
    const tasks = await lastTask();
    const edited = wanted({
      allow: [],
      proof: { osRelease: { ID: "windows" } },
      user: "admin",
      power: { kind: "none" },
      onRelease: "poweroff",
      imaging: { queuedS: 1, stallS: 1, totalS: 1, bootS: 1 },
      callback: { url: "http://192.0.2.1:8069", address: "192.0.2.1", httpPort: 8069 },
    });
    // Nothing that reaches the server or the machine would get through.
    metal.faults(
      ...[
        "PUT host/N/edit",
        "POST host/N/task",
        "DELETE host/N/cancel",
        "POST redfish/v1/Systems/N/Actions/ComputerSystem.Reset",
        "PATCH redfish/v1/Systems/N",
      ].map((procedure) => ({ procedure: `fog:${procedure}`, do: "error" as const, code: 500 })),
    );
    const after = await apply(edited, state);
    expect(after).toEqual({ ...state, ...edited });
    expect(await bootId()).toBe(boot);
    expect(await lastTask()).toBe(tasks);
    expect(await preview(edited, after)).toEqual([]);
  });

  it("is imaged anew by another image or generation, which the preview tells with the time of the last one", async () => {
    await register();
    const state = await apply(wanted());
    const first = await bootId();
    expect(await preview(clean(), state)).toEqual([
      "image: wipe",
      "proof: live",
      "wipes pod1-node1: image rocky9 → clean (about 1 s)",
    ]);
    expect(await preview(wanted({ generation: 2 }), state)).toEqual([
      "generation: wipe",
      "wipes pod1-node1: image rocky9 again, generation 1 → 2 (about 1 s)",
    ]);
    const after = await apply(clean(), state);
    expect(await imageName()).toBe("clean");
    expect(after.bootId).not.toBe(first);
    expect(Date.parse(after.imagedAt)).toBeGreaterThan(Date.parse(state.imagedAt));
    const again = await apply(clean({ generation: 2 }), after);
    expect(again).toMatchObject({ imagedImage: "clean", imagedGeneration: 2 });
    expect(again.bootId).not.toBe(after.bootId);
  });

  it("is never imaged without allow: [wipe], neither new nor by an edit", async () => {
    await register();
    const tasks = await lastTask();
    const [problem, ...more] = await precheck(wanted({ allow: [] }));
    expect(more).toEqual([]);
    expect(problem?.field).toBe("allow");
    expect(problem?.message).toMatch(
      /^wipes pod1-node1: image \(none\) → rocky9.* add "allow: \[wipe\]" to machine "pod1-node1"/s,
    );
    await expect(apply(wanted({ allow: [] }))).rejects.toThrow('add "allow: [wipe]"');
    expect(await lastTask()).toBe(tasks);
    expect((await record())?.imageId).toBe(0);
    const state = await apply(wanted());
    await expect(apply(clean({ allow: [] }), state)).rejects.toThrow(
      "wipes pod1-node1: image rocky9 → clean",
    );
    expect(await imageName()).toBe("rocky9");
    const moved = imagedHostDefinition.refuse?.(wanted({ allow: [], name: "pod1-node2" }), state);
    expect(moved?.[0]?.message).toContain("pod1-node1 is released (keep)");
    expect(imagedHostDefinition.refuse?.(wanted({ name: "pod1-node2" }), state)).toEqual([]);
  });

  it("says in the preview what is lost and how long it takes, by the server's log", async () => {
    await register();
    await apply(wanted());
    const trace = newTrace();
    expect(await precheck(clean(), trace)).toEqual([]);
    expect(trace.said).toEqual([
      expect.stringMatching(/^wipes pod1-node1: image rocky9 → clean \(about \d+ s\)$/),
    ]);
  });

  it("is refused in the preview for what would fail later, all of it at once", async () => {
    const client = await metal.client();
    await client.createHost({ name: NAME, macs: ["52:54:00:bb:00:01"], description: "rack 3" });
    const disabled = await client.imageByName("debian12");
    await client.editImage(disabled?.id ?? 0, { enabled: false });
    const problems = await precheck(
      wanted({
        image: "nowhere",
        onRelease: "image:debian12",
        power: metal.wrongPower(),
      }),
    );
    await client.editImage(disabled?.id ?? 0, { enabled: true });
    expect(problems.map(({ field }) => field)).toEqual(["mac", "image", "onRelease", "power"]);
    const [mac, image, release, power] = problems.map(({ message }) => message);
    expect(mac).toContain("has 52:54:00:bb:00:01");
    expect(image).toContain('has no image "nowhere"');
    expect(release).toContain('the image "debian12" is disabled');
    expect(power).toContain("its power cannot be asked:");
    const cannot = await precheck(
      wanted({ onRelease: "poweroff", power: { kind: "ssh" }, mac: "52:54:00:bb:00:01" }),
    );
    expect(cannot.map(({ field }) => field)).toEqual(["power"]);
  });

  it("of another lab, or of nobody's mark, is left alone", async () => {
    const client = await metal.client();
    for (const description of ["[labplan another1/test/pod1-node1]", "rack 3"]) {
      const theirs = await client.createHost({ name: NAME, macs: [MAC], description });
      const { mac: _, ...bare } = wanted();
      expect((await precheck(bare)).map(({ field }) => field)).toEqual(["name"]);
      await expect(apply(wanted())).rejects.toThrow(
        description.startsWith("[") ? "belongs to another1" : "not made by this lab",
      );
      expect(await client.host(theirs.id)).toEqual(theirs);
      expect(await client.activeTasks()).toEqual([]);
      await client.deleteHost(theirs.id);
    }
  });

  it("whose record has other MACs than the config is not wiped for another", async () => {
    await register();
    await expect(apply(wanted({ mac: "52:54:00:bb:00:09" }))).rejects.toThrow("would lose its disk");
    expect(await (await metal.client()).activeTasks()).toEqual([]);
  });

  it("trap fog#1, seeds#8: on which somebody else's task runs is refused, and nobody's task is ever cancelled", async () => {
    await register();
    const client = await metal.client();
    const image = await client.imageByName("clean");
    const other = await client.createHost({ name: "other", macs: ["52:54:00:bb:00:02"], description: "" });
    const ours = await client.editHost((await record())?.id ?? 0, { imageId: image?.id ?? 0 });
    const elsewhere = await client.startTask(
      await client.editHost(other.id, { imageId: image?.id ?? 0 }),
      1,
      "theirs",
    );
    const theirs = await metal.other().startTask(ours, 1, "for the tenant");
    const [problem] = await precheck(wanted());
    expect(problem?.message).toContain(
      '"for the tenant - pod1-node1" (started by technician) is under way on it, and is not ours',
    );
    expect(problem?.message).toContain(`/host/${ours.id}/cancel, which is of that host alone`);
    await expect(apply(wanted())).rejects.toThrow("is not ours");
    const states = await Promise.all(
      [elsewhere, theirs].map(async ({ id }) => (await client.task(id))?.state),
    );
    expect(states).toEqual([1, 1]);
    expect((await record())?.imageId).toBe(image?.id);
  });

  describe("that was there before", () => {
    it("is taken as it is by adopt: true, when the server says that it has that image", async () => {
      await register();
      await apply(wanted());
      const boot = await bootId();
      const tasks = await lastTask();
      const inputs = wanted({ allow: [], adopt: true });
      const trace = newTrace();
      expect(await precheck(inputs, trace)).toEqual([]);
      expect(trace.said[0]).toContain("takes pod1-node1 as it is");
      const state = await apply(inputs);
      expect(state).toMatchObject({
        imagedImage: "rocky9",
        bootId: boot,
        address: expect.stringMatching(/^127\./),
      });
      expect(state.imagedAt).toBe((await record())?.deployed?.replace(" ", "T"));
      expect([await bootId(), await lastTask()]).toEqual([boot, tasks]);
      expect(await preview(inputs, state)).toEqual([]);
    });

    it("is still proven where it answers, and taken at the server's word where it does not", async () => {
      await register();
      await apply(wanted());
      const lies = wanted({ allow: [], adopt: true, proof: { osRelease: { ID: "debian" } } });
      await expect(apply(lies)).rejects.toThrow("ID: expected debian, found rocky");
      await metal.switchOff(MAC);
      const trace = newTrace();
      const state = await apply(
        wanted({ allow: [], adopt: true, imaging: { ...wanted().imaging, bootS: 0.5 } }),
        undefined,
        { trace },
      );
      expect(state.bootId).toBeUndefined();
      expect(trace.said.join("\n")).toContain("by the FOG server's word alone");
      expect(await metal.power(MAC)).toBe("off");
    });

    it("with another image is refused like any other", async () => {
      await register();
      await apply(wanted());
      const inputs = clean({ allow: [], adopt: true });
      expect((await precheck(inputs)).map(({ field }) => field)).toEqual(["allow"]);
      await expect(apply(inputs)).rejects.toThrow("allow: [wipe]");
    });
  });

  describe("whose run is killed", () => {
    it("is carried on from every step, with one task", async () => {
      await register();
      for (const dieAt of [
        "1/8 find",
        "2/8 image",
        "3/8 task",
        "4/8 boot",
        "5/8 imaging",
        "6/8 up",
        "7/8 proof",
        "8/8 record",
      ]) {
        const tasks = await lastTask();
        await expect(apply(wanted(), undefined, { dieAt })).rejects.toThrow(Killed);
        // As after kill -9: nothing was kept.
        const state = await apply(wanted());
        expect(await lastTask(), dieAt).toBe(tasks + 1);
        expect(await imageName()).toBe("rocky9");
        expect(state.bootId).toBe(await bootId());
        expect(await preview(wanted(), state)).toEqual([]);
        await imagedHostDefinition.remove(state, run());
        expect((await record())?.description).toBe("[labplan ct8handl/test/pod1-node1]");
      }
    });

    /** Stop while the task runs; resolves with its id. */
    async function cut(
      known?: ImagedHostState,
      inputs = wanted(),
    ): Promise<{ id: number; trace: Trace; message: string }> {
      metal.faults({ procedure: "fog:progress", do: "slow", ms: 250 });
      const trace = newTrace();
      const controller = new AbortController();
      const base = run({ trace });
      const stopping = { ...base, signal: controller.signal };
      const doing = up(imagedHostDefinition, inputs, stopping, known);
      doing.catch(() => {});
      const client = await metal.client();
      for (;;) {
        const [task] = await client.activeTasks();
        if (task?.state === 3) {
          controller.abort();
          const message = await doing.then(
            () => "done",
            (error: Error) => error.message,
          );
          metal.faults();
          return { id: task.id, trace, message };
        }
        await new Promise((resolve) => setTimeout(resolve, 20));
      }
    }

    it("is told on Ctrl-C what goes on, and followed by the next run", async () => {
      await register();
      const { id, trace, message } = await cut();
      expect(trace.said.at(-1)).toContain(`goes on in`);
      expect(trace.said.at(-1)).toContain(`as task ${id}`);
      expect(message).toContain("/cancel, which is of that host alone");
      const boot = await metal.isUp(MAC);
      expect(boot).toBe(false);
      const again = newTrace();
      const state = await apply(wanted(), undefined, { trace: again });
      expect(again.said[0]).toContain("of an earlier run is under way: it is followed");
      // Not cut off by another boot: it never goes back.
      const seen = again.progress.flatMap((line) => /in progress, (\d+) %/.exec(line)?.[1] ?? []).map(Number);
      expect(seen).toEqual([...seen].sort((one, other) => one - other));
      expect(again.progress.some((line) => line.includes("BMC"))).toBe(false);
      expect(state.taskId).toBe(id);
      expect(await lastTask()).toBe(id);
    });

    it("is not imaged again when its task was completed meanwhile", async () => {
      await register();
      const { id } = await cut();
      const client = await metal.client();
      while ((await client.task(id))?.state !== 4) await new Promise((resolve) => setTimeout(resolve, 50));
      const state = await apply(wanted());
      expect(state).toMatchObject({ taskId: id, imagedImage: "rocky9" });
      expect(await lastTask()).toBe(id);
    });

    it("is imaged anew when its task was cancelled meanwhile, and says so", async () => {
      await register();
      const { id } = await cut();
      const client = await metal.client();
      await client.cancelTasks((await record()) as never);
      const trace = newTrace();
      const state = await apply(wanted(), undefined, { trace });
      expect(trace.said[0]).toContain("was cancelled in");
      expect(state.taskId).toBe(id + 1);
    });

    it("is shown as cut off, and put right when the config goes back to what was there before", async () => {
      await register();
      const before = await apply(wanted());
      const { id } = await cut(before, clean());
      expect(await preview(wanted(), before)).toEqual([
        "interrupted drifted",
        expect.stringContaining("an imaging of it was cut off"),
      ]);
      const trace = newTrace();
      const state = await apply(wanted(), before, { trace });
      expect(trace.said[0]).toContain(`task ${id}`);
      expect(trace.said[0]).toContain("its end is waited for");
      expect(await imageName()).toBe("rocky9");
      expect(state.taskId).toBe(id + 1);
      expect(await preview(wanted(), state)).toEqual([]);
    });
  });

  describe("that goes wrong", () => {
    const SHORT = { queuedS: 0.8, stallS: 0.8, totalS: 30, bootS: 2 };

    it("trap fog#6: in silence ends before the deadline and one poll, and can be cleared up", async () => {
      await register();
      metal.faults({ procedure: "fog:progress", do: "error", nth: 5, message: "partclone died" });
      const start = performance.now();
      await expect(apply(wanted({ imaging: SHORT }))).rejects.toThrow(
        /made no progress for 0\.\d s.*Last seen of task \d+: in progress, 20 %/s,
      );
      expect(performance.now() - start).toBeLessThan(8_000);
      metal.faults();
      const client = await metal.client();
      await client.cancelTasks((await record()) as never);
      expect(await apply(wanted())).toMatchObject({ imagedImage: "rocky9" });
    });

    it("trap fog#7: and never comes from the network ends at that deadline", async () => {
      await register();
      metal.faults({ procedure: "fog:queued", do: "error" });
      await expect(apply(wanted({ imaging: SHORT }))).rejects.toThrow("did not come to");
    });

    it("trap fog#7: and gets no slot ends at that deadline", async () => {
      await register();
      metal.faults({ procedure: "fog:slot", do: "error" });
      await expect(apply(wanted({ imaging: SHORT }))).rejects.toThrow("got no slot");
    });

    it("is cancelled by somebody else: told, and what is on the disk is not taken for the image", async () => {
      await register();
      const trace = newTrace();
      metal.faults({ procedure: "fog:cancelled", do: "error" });
      await expect(apply(wanted(), undefined, { trace })).rejects.toThrow("was cancelled in");
      expect(trace.saved).toMatchObject({ imagedImage: "", interrupted: true });
    });

    it("trap fog#8: is complete, and something else was written: each difference is told", async () => {
      await register();
      metal.faults({ procedure: "fog:write", do: "lie" });
      await expect(apply(wanted())).rejects.toThrow(
        /the installed system is not what "rocky9" says: \/etc\/os-release has ID: expected rocky, found other; VERSION_ID: expected 9\.\*, found 1/,
      );
      metal.faults();
      const marker = { marker: { path: "/etc/image-name", text: "rocky9" } };
      await expect(apply(wanted({ proof: marker }))).rejects.toThrow(
        'does not have the marker of "rocky9": expected "rocky9" in /etc/image-name, found no such file',
      );
    });

    it("trap fog#8: is told complete by a stranger while the old system runs on: that is no success", async () => {
      await register();
      const state = await apply(wanted());
      metal.faults({ procedure: "fog:queued", do: "error" });
      const doing = apply(clean(), state);
      doing.catch(() => {});
      await metal.until(async () => {
        const [task] = await (await metal.client()).activeTasks();
        return task !== undefined && (await metal.isUp(MAC)) && (await bootId()) !== state.bootId;
      });
      await metal.pretendComplete(MAC);
      await expect(doing).rejects.toThrow(
        'not what "clean" says: /etc/os-release has ID: expected centos, found rocky',
      );
    });

    it("does not come up: told with where it was looked for, and the next run does not image it again", async () => {
      await register();
      metal.faults({ procedure: "fog:boot", do: "error" });
      await expect(apply(wanted({ imaging: { ...wanted().imaging, bootS: 1 } }))).rejects.toThrow(
        /it was imaged, and did not come up within 1 s; nobody knows its address \(the embedded lab: its sandbox does not run/,
      );
      metal.faults();
      const tasks = await lastTask();
      await metal.switchOff(MAC);
      const state = await apply(wanted());
      expect(state.imagedImage).toBe("rocky9");
      expect(await lastTask()).toBe(tasks);
    });

    it("cannot be switched: the task that waits is named", async () => {
      await register();
      await expect(apply(wanted({ power: metal.wrongPower() }))).rejects.toThrow(
        /could not be booted from the network for its imaging with rocky9.*task \d+ waits in/s,
      );
    });
  });

  describe("and tells its host key", () => {
    it("with a token that the server has only while it is imaged, and nobody else ever", async () => {
      await register();
      const client = await metal.client();
      const made = await record();
      await client.editHost(made?.id ?? 0, { kernelArgs: "nomodeset" });
      const httpPort = await freePort();
      const callback = { url: `http://127.0.0.1:${httpPort}`, address: "127.0.0.1", httpPort };
      const trace = newTrace();
      const inputs = wanted({ callback });
      metal.faults({ procedure: "fog:progress", do: "slow", ms: 60 });
      const doing = apply(inputs, undefined, { trace });
      let token = "";
      let args = "";
      while (token === "") {
        args = (await record())?.kernelArgs ?? "";
        token = /labplan_token=([0-9a-f]{32})/.exec(args)?.[1] ?? "";
        await new Promise((resolve) => setTimeout(resolve, 20));
      }
      expect(args).toBe(`nomodeset labplan_url=${callback.url} labplan_token=${token}`);
      const folder = process.env.LABPLAN_BOOT_HOME ?? "";
      expect(new Registry(folder).current(MAC)).toMatchObject({ purpose: "image", machine: NAME, token });
      const state = await doing;
      expect((await record())?.kernelArgs).toBe("nomodeset");
      expect(new Registry(folder).current(MAC)).toBeUndefined();
      expect(JSON.stringify([state, trace])).not.toContain(token);
      const key = (await metal.on(MAC, "cat", "/etc/ssh/ssh_host_ed25519_key.pub"))
        .split(" ")
        .slice(0, 2)
        .join(" ");
      if (key.startsWith("ssh-")) expect(state.sshHostKey).toBe(key);
    });

    it("trap seeds#12: one that the config pins wins, and another is refused", async () => {
      await register();
      const wrong = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIEcRa2iQzf1+3zL3rKGFyuRn3rvrnqDQYFh3llq6sAbr";
      await expect(apply(wanted({ hostKeys: [wrong] }))).rejects.toThrow("the host key CHANGED");
    });
  });

  it("trap fog#10: keeps and says no secret", async () => {
    const secrets = metal.secrets();
    expect(secrets.length).toBeGreaterThan(3);
    const text = JSON.stringify(told);
    expect(text.length).toBeGreaterThan(10_000);
    for (const secret of secrets) expect(text).not.toContain(secret);
  });
});
