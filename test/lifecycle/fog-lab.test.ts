import type { ChildProcess } from "node:child_process";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { host, MetalWorld, metal, type Task } from "./fog-lab.config";
import { TestLab } from "./harness";
import { killTree } from "./kill-tree";

/** Hosts of bare metal through their whole life, on the embedded FOG server: sandboxes with a Redfish service. */

const NAMES = ["n1", "n2", "n3"] as const;
const DONE = "4";

describe("hosts of a FOG server", () => {
  let lab: TestLab;
  let world: MetalWorld;
  const config = (parts: Partial<Record<(typeof NAMES)[number], object>> = {}) =>
    metal(Object.fromEntries(NAMES.map((name, i) => [name, host(i + 1, parts[name])])));
  const bootIds = () => Promise.all([1, 2, 3].map((n) => world.bootId(n)));
  const states = async () => (await world.tasks()).map(({ stateID }) => stateID);

  /** The first task after those that there were, once it is in progress. */
  async function imagingBegins(before: number, child?: ChildProcess): Promise<Task> {
    for (const end = Date.now() + 60_000; Date.now() < end; await sleep(50)) {
      const task = (await world.tasks())[before];
      if (task?.stateID === "3") return task;
      if (child?.exitCode != null) break;
    }
    throw new Error("no imaging began");
  }

  beforeAll(async () => {
    lab = await TestLab.create(config({ n2: { allow: [] } }));
    world = new MetalWorld(lab);
    lab.env = { LABPLAN_BOOT_HOME: `${lab.folder}/.labplan/boot` };
  });
  afterAll(() => lab?.close());

  test("are refused while one of them does not allow to be wiped; else the preview says what is lost, and touches nothing", async () => {
    const refused = await lab.run(["preview"]);
    expect(refused.code).not.toBe(0);
    expect(refused.text).toMatch(/n2.*allow: \[wipe\]/);
    lab.write(config());
    const { ops, text } = await lab.preview();
    for (const name of NAMES) {
      expect(ops).toMatchObject({ [`fog:ImagedHost ${name}`]: "create", [`ssh:Access ${name}`]: "create" });
      expect(text).toMatch(new RegExp(`wipes ${name}: image .* → rocky9`));
    }
    expect(text).toContain("on release: image clean");
    expect([await world.tasks(), await world.hosts()]).toEqual([[], []]);
  });

  test("are imaged side by side, proven, and opened to their users", async () => {
    const { done } = lab.start(["up", "--yes", "--skip-preview"]);
    let most = 0;
    let code: number | undefined;
    void done.then((outcome) => {
      code = outcome.code;
    });
    while (code === undefined) {
      most = Math.max(most, (await states()).filter((state) => state === "3").length);
      await sleep(50);
    }
    expect([code, (await done).text]).toEqual([0, expect.any(String)]);
    expect(most).toBe(3);
    expect(await states()).toEqual([DONE, DONE, DONE]);
    const { machines } = await lab.outputs<{ machines: Record<string, Record<string, unknown>> }>();
    for (const name of NAMES)
      expect(machines[name]).toMatchObject({
        address: expect.stringMatching(/^127\./),
        sshHostKey: expect.stringMatching(/^ssh-ed25519 /),
        credentials: { user: "root", password: expect.stringMatching(/^\S{20,}$/) },
      });
    const shown = await lab.mustSucceed(["stack", "output"]);
    const [{ password }] = NAMES.map((name) => machines[name]?.credentials) as [{ password: string }];
    for (const text of [shown, await lab.state()]) expect(text).not.toContain(password);
    expect((await lab.preview()).ops).toEqual({});
  });

  test("are not touched by any other edit", async () => {
    const before = await bootIds();
    lab.write(
      config({
        n1: { onRelease: "wipe", imaging: { stall: "5m" } },
        n2: { access: { sshKeys: [], passwordVersion: 2 } },
        n3: { allow: [] },
      }),
    );
    const { ops } = await lab.preview();
    expect(Object.values(ops).filter((op) => op !== "update")).toEqual([]);
    await lab.up();
    expect(await bootIds()).toEqual(before);
    expect(await world.tasks()).toHaveLength(3);
    lab.write(config());
    await lab.up();
    expect(await world.tasks()).toHaveLength(3);
  });

  test("are wiped by another image, one by one, each only where that is allowed", async () => {
    lab.write(config({ n2: { image: "debian12", allow: [] } }));
    const refused = await lab.run(["preview"]);
    expect(refused.code).not.toBe(0);
    expect(refused.text).toMatch(/n2.*image rocky9 → debian12: WIPES its data.*`allow: \[wipe\]`/);

    const [one, two, three] = await bootIds();
    await world.on(2, "sh", "-c", "echo mine > /root/tenant");
    lab.write(config({ n2: { image: "debian12" } }));
    const { ops, text } = await lab.preview();
    expect(text).toMatch(/wipes n2: image rocky9 → debian12 \(about /);
    expect(ops["fog:ImagedHost n2"]).toBe("update");
    expect(Object.keys(ops).filter((key) => !key.endsWith(" n2"))).toEqual([]);
    await lab.up();
    const [same, other, same3] = await bootIds();
    expect([same, same3]).toEqual([one, three]);
    expect(other).not.toBe(two);
    expect(await world.on(2, "sh", "-c", "cat /etc/image-name; ls /root")).toBe("debian12");
    expect(await states()).toEqual([DONE, DONE, DONE, DONE]);
    // Its keys and its password went with the disk, and are there again.
    expect(await world.on(2, "sh", "-c", "grep -c ^ssh- /root/.ssh/authorized_keys")).toBe("2");
    expect((await lab.preview()).ops).toEqual({});
  });

  test("kill -9 in the middle of an imaging: the next up finds the task that runs, and starts no other", async () => {
    await world.faults({ procedure: "fog:progress", do: "slow", ms: 500 });
    lab.write(config({ n2: { image: "debian12" }, n1: { imageGeneration: 2 } }));
    const { child, done } = lab.start(["up", "--yes", "--skip-preview"]);
    const task = await imagingBegins(4, child);
    killTree(child.pid ?? 0);
    await done;
    await lab.run(["cancel", "--yes"]);
    const text = await lab.up();
    expect(text).toMatch(new RegExp(`task ${task.id}\\b`));
    expect(await states()).toEqual([DONE, DONE, DONE, DONE, DONE]);
    expect((await lab.preview()).ops).toEqual({});
  });

  test("Ctrl-C says what goes on in the server and how to stop it; the next up follows it", async () => {
    // Longer than the engine may take to end.
    await world.faults({ procedure: "fog:progress", do: "slow", ms: 5_000 });
    lab.write(config({ n2: { image: "debian12" }, n1: { imageGeneration: 3 } }));
    const { child, done } = lab.start(["up", "--yes", "--skip-preview"]);
    const task = await imagingBegins(5, child);
    await sleep(500);
    // The first one waits for the running step (trap pulumi-dynamic#29), the second does not.
    child.kill("SIGINT");
    await sleep(1_000);
    child.kill("SIGINT");
    const { code, text } = await done;
    expect(code).not.toBe(0);
    expect(text).toMatch(new RegExp(`is task ${task.id} of the .*FOG server.*it goes on there`));
    expect(text).toContain(`/host/${task.hostID}/cancel`);
    expect((await world.tasks())[5]?.stateID).toBe("3");
    await world.faults();
    await lab.run(["cancel", "--yes"]);
    await lab.up();
    expect(await states()).toEqual(Array(6).fill(DONE));
  });

  test("an imaging that fails in silence ends in a clear error, in time; stopped as it says, the next up begins anew", async () => {
    await world.faults({ procedure: "fog:progress", do: "error", message: "no space on device" });
    const n3 = { imageGeneration: 2, imaging: { stall: "4s" } };
    const now = { n1: { imageGeneration: 3 }, n2: { image: "debian12" }, n3 };
    lab.write(config(now));
    const { child, done } = lab.start(["up", "--yes", "--skip-preview"]);
    const task = await imagingBegins(6, child);
    const began = Date.now();
    const { code, text } = await done;
    expect(code).not.toBe(0);
    expect(text).toMatch(/n3: its imaging with rocky9 made no progress for 4 s\./);
    // The deadline, one poll, and what the engine takes to end.
    expect(Date.now() - began).toBeLessThan(20_000);
    expect((await lab.run(["preview"])).text).toMatch(new RegExp(`was cut off \\(task ${task.id}\\)`));
    await world.faults();
    await world.call("DELETE", `/host/${task.hostID}/cancel`);
    await lab.up();
    expect((await states()).slice(6)).toEqual(["5", DONE]);
  });

  test("a tenant who took our key away is evicted all the same, and gets nothing back", async () => {
    await world.on(3, "sh", "-c", "echo mine > /root/tenant; rm /root/.ssh/authorized_keys");
    await expect(world.on(3, "true")).rejects.toThrow();
    const before = await world.tasks();
    await lab.destroy();
    const released = (await world.tasks()).slice(before.length);
    expect(released.map(({ stateID, typeID }) => [typeID, stateID])).toEqual(Array(3).fill(["1", DONE]));
    for (const { name } of released) expect(name).toContain("release clean");
    expect(await world.hosts()).toEqual([]);
    expect(JSON.parse(await lab.state()).deployment.resources ?? []).toEqual([]);
    await expect
      .poll(() => world.on(3, "sh", "-c", "cat /etc/image-name; ls /root"), { timeout: 20_000 })
      .toBe("clean");
  });
});
