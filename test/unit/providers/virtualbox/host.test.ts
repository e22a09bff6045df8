import { getEventListeners } from "node:events";
import { describe, expect, it } from "vitest";
import { type Clock, sleep } from "../../../../providers/ssh/clock";
import { callsOf } from "../../../../providers/virtualbox/calls";
import { Host, type HostParts } from "../../../../providers/virtualbox/host";
import { localFiles } from "../../../../providers/virtualbox/local-files";
import { machineCalls } from "../../../../providers/virtualbox/machine-calls";
import { NoAnswer, type Runner, type RunResult } from "../../../../providers/virtualbox/runner";
import { failure } from "./fixtures";

/** Time that passes only in waits. */
function jumpingClock(): Clock & { slept: number[] } {
  let now = 0;
  const slept: number[] = [];
  return {
    slept,
    now: () => now,
    timer(ms, action) {
      let live = true;
      queueMicrotask(() => {
        if (!live) return;
        now += ms;
        slept.push(ms);
        action();
      });
      return () => {
        live = false;
      };
    },
  };
}

const OK: RunResult = { code: 0, stdout: "", stderr: "" };
const LOCKED: RunResult = {
  code: 1,
  stdout: "",
  stderr:
    "VBoxManage: error: The machine 'a1' is already locked for a session (or being unlocked)\nVBoxManage: error: Details: code VBOX_E_INVALID_OBJECT_STATE (0x80bb0007), component MachineWrap\n",
};
const isProbe = (argv: readonly string[]) => argv.join(" ") === "list runningvms";

interface Fake {
  host: Host;
  /** What was run, the first look included. */
  ran: string[];
  clock: ReturnType<typeof jumpingClock>;
}

function fake(
  answer: (argv: readonly string[], options: Parameters<Runner["run"]>[1]) => Promise<RunResult>,
  parts: Partial<HostParts> = {},
): Fake {
  const ran: string[] = [];
  const clock = jumpingClock();
  const runner: Runner = {
    label: "VirtualBox on h",
    run: (argv, options) => {
      ran.push(argv.join(" "));
      return answer(argv, options);
    },
    close: async () => {},
  };
  const lock = { take: async () => {}, yield: async () => {}, release: () => {} };
  return {
    host: new Host({ runner, files: localFiles, lock, clock, random: () => 0.5, ...parts }),
    ran,
    clock,
  };
}

const quiet = { tell: () => {} };

describe("calls to one host", () => {
  it("trap virtualbox#34: makes one call at a time, reads as well, in the order in which they were asked for", async () => {
    let underWay = 0;
    let most = 0;
    const { host, ran } = fake(async () => {
      most = Math.max(most, ++underWay);
      await new Promise((resolve) => setTimeout(resolve, 1));
      underWay--;
      return OK;
    });
    const asked = Array.from({ length: 8 }, (_, at) =>
      at % 2 ? ["showvminfo", `${at}`] : ["modifyvm", `${at}`],
    );
    await Promise.all(asked.map((argv) => host.call(argv, quiet)));
    expect(most).toBe(1);
    expect(ran.slice(1)).toEqual(asked.map((argv) => argv.join(" ")));
  });

  it("trap virtualbox#41: makes a first call by itself, which starts VBoxSVC, and once only", async () => {
    const { host, ran } = fake(async () => OK);
    await Promise.all([host.call(["modifyvm", "a"], quiet), host.call(["modifyvm", "b"], quiet)]);
    expect(ran).toEqual(["list runningvms", "modifyvm a", "modifyvm b"]);
  });

  it("trap virtualbox#36: repeats what passes, at most 5 times in all, 0.2 to 3 s apart", async () => {
    const { host, ran, clock } = fake(async (argv) => (isProbe(argv) ? OK : LOCKED));
    await expect(host.call(["modifyvm", "a"], quiet)).rejects.toMatchObject({ failure: "retryable" });
    expect(ran.filter((one) => one === "modifyvm a")).toHaveLength(5);
    expect(clock.slept).toHaveLength(4);
    for (const ms of clock.slept) expect(ms).toBeGreaterThanOrEqual(200);
    for (const ms of clock.slept) expect(ms).toBeLessThanOrEqual(3_000);
    expect([...clock.slept].sort((a, b) => a - b)).toEqual(clock.slept);
  });

  it("spreads the pauses by chance", async () => {
    const pauses = async (random: number) => {
      const { host, clock } = fake(async (argv) => (isProbe(argv) ? OK : LOCKED), { random: () => random });
      await host.call(["modifyvm", "a"], quiet).catch(() => undefined);
      return clock.slept;
    };
    expect(await pauses(0)).toEqual([200, 200, 200, 200]);
    expect((await pauses(0.999)).every((ms) => ms > 590 && ms <= 3_000)).toBe(true);
  });

  it("goes on after a failure that passed", async () => {
    let times = 0;
    const { host } = fake(async (argv) =>
      isProbe(argv) || ++times > 2 ? { ...OK, stdout: "done" } : LOCKED,
    );
    expect(await host.call(["modifyvm", "a"], quiet)).toBe("done");
  });

  it("trap virtualbox#23: does not repeat the deletion of a snapshot with several children", async () => {
    const recorded = failure("snapshot", "3d2b9a4e-1f0c-4a7e-9a53-0c1d2e3f4a5b", "delete");
    const { host, ran } = fake(async (argv) => (isProbe(argv) ? OK : recorded));
    await expect(host.call(["snapshot", "x", "delete", "y"], quiet)).rejects.toThrow(/2 child snapshots/);
    expect(ran.filter((one) => one.startsWith("snapshot"))).toHaveLength(1);
  });

  it("trap virtualbox#39: says that VBoxSVC does not answer, and does not make the others wait as long", async () => {
    const deadlines: number[] = [];
    let hangs = true;
    const { host, ran } = fake(async (argv, { deadlineMs }) => {
      if (isProbe(argv) && ran.length === 1) return OK;
      deadlines.push(deadlineMs);
      if (hangs) throw new NoAnswer(`no answer within ${deadlineMs / 1_000} s`);
      return OK;
    });
    const calls = ["a", "b", "c"].map((name) => host.call(["modifyvm", name], quiet));
    for (const [at, call] of calls.entries())
      await expect([at, await call.catch((error: Error) => error.message)]).toEqual([
        at,
        expect.stringMatching(
          /^VirtualBox on h: VBoxSVC does not answer \(VBoxManage (modifyvm|list): nothing for (60|5) s\)\. It is left as it is/,
        ),
      ]);
    // One whole deadline, then a short look for each of the rest, which are not even begun.
    expect(deadlines).toEqual([60_000, 1_000, 4_000, 1_000, 4_000]);
    expect(ran.filter((one) => one.startsWith("modifyvm"))).toEqual(["modifyvm a"]);
    hangs = false;
    ran.length = 1;
    await host.call(["modifyvm", "d"], quiet);
    expect(ran.slice(1)).toEqual(["list runningvms", "modifyvm d"]);
  });

  it("begins a look anew that VBoxSVC forgot, within the same deadline, and never what writes", async () => {
    const deadlines: number[] = [];
    const { host, ran } = fake(async (argv, { deadlineMs }) => {
      if (isProbe(argv)) return OK;
      deadlines.push(deadlineMs);
      if (deadlines.length < 3) throw new NoAnswer("forgotten");
      return { ...OK, stdout: "found" };
    });
    expect(await host.call(["showvminfo", "a"], quiet)).toBe("found");
    expect(deadlines).toEqual([1_000, 4_000, 55_000]);
    deadlines.length = 0;
    await expect(host.call(["modifyvm", "a"], quiet)).rejects.toThrow(/does not answer/);
    expect(ran.filter((one) => one.startsWith("modifyvm"))).toHaveLength(1);
  });

  it("lets go of a call whose run has ended, and of nothing else", async () => {
    const { host, ran } = fake(async () => {
      await new Promise((resolve) => setTimeout(resolve, 5));
      return OK;
    });
    const gone = new AbortController();
    const first = host.call(["modifyvm", "a"], quiet);
    const second = host.call(["modifyvm", "b"], { ...quiet, signal: gone.signal });
    const third = host.call(["modifyvm", "c"], quiet);
    gone.abort(new Error("the run was stopped"));
    await expect(second).rejects.toThrow("the run was stopped");
    await Promise.all([first, third]);
    expect(ran).toEqual(["list runningvms", "modifyvm a", "modifyvm c"]);
    await expect(host.call(["list", "vms"], { ...quiet, signal: gone.signal })).rejects.toThrow("stopped");
  });

  it("leaves nothing on the run's signal when its calls are done", async () => {
    const { host } = fake(async () => OK);
    const { signal } = new AbortController();
    const calls = Array.from({ length: 20 }, () => host.call(["modifyvm"], { ...quiet, signal }));
    expect(getEventListeners(signal, "abort").length).toBeGreaterThan(0);
    await Promise.all(calls);
    expect(getEventListeners(signal, "abort")).toEqual([]);
  });

  it("holds the lock while there is something to do, and no longer", async () => {
    const events: string[] = [];
    const lock = {
      take: async () => void events.push("take"),
      yield: async () => void events.push("yield"),
      release: () => void events.push("release"),
    };
    const { host } = fake(async () => OK, { lock });
    await Promise.all([host.call(["a"], quiet), host.call(["b"], quiet)]);
    await sleep({ ...jumpingClock() }, 1);
    expect(events).toEqual(["take", "yield", "take", "yield", "release"]);
  });

  it("fails a call whose turn never comes because of the lock, with the lock's reason", async () => {
    const lock = {
      take: async () => {
        throw new Error("process 7 has it");
      },
      yield: async () => {},
      release: () => {},
    };
    const { host, ran } = fake(async () => OK, { lock });
    await expect(host.call(["a"], quiet)).rejects.toThrow("process 7 has it");
    expect(ran).toEqual([]);
  });
});

describe("removals", () => {
  it("trap virtualbox#42: takes 'locked' for done when a second look finds nothing", async () => {
    const gone = failure("showvminfo", "99999999-fe74-4d77-bb14-aa02c1c394e6");
    let times = 0;
    const { host, ran } = fake(async (argv) => (isProbe(argv) ? OK : ++times === 1 ? LOCKED : gone));
    const { unregisterVm } = machineCalls(callsOf(host, {}));
    await unregisterVm("99999999-fe74-4d77-bb14-aa02c1c394e6");
    expect(ran.filter((one) => one.startsWith("unregistervm"))).toHaveLength(2);
  });
});
