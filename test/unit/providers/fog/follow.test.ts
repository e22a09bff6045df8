import { describe, expect, it } from "vitest";
import type { FogClient, FogTask } from "../../../../providers/fog/client";
import { FogError } from "../../../../providers/fog/errors";
import { followTask } from "../../../../providers/fog/follow";

const POLL_MS = 20;
const HOST = { id: 5, name: "pod1-node1" };
const LIMITS = { queuedS: 0.3, stallS: 0.3, totalS: 1 };
const TASK: FogTask = {
  id: 17,
  hostId: 5,
  name: "labplan a/b/c rocky9#1 - pod1-node1",
  type: 1,
  state: 1,
  percent: 0,
};

type Look = Partial<FogTask> | "gone" | "away" | "refused";

/** A server that says one thing after another, and the last one for ever. */
function following(
  looks: Look[],
  options: { others?: FogTask[]; limits?: Partial<typeof LIMITS>; abortAt?: number } = {},
) {
  const said: string[] = [];
  const progress: string[] = [];
  const calls: string[] = [];
  const controller = new AbortController();
  let at = 0;
  const client = {
    server: "http://fog.example/fog",
    pollMs: POLL_MS,
    async task(id: number) {
      calls.push(`task ${id}`);
      if (at === options.abortAt) controller.abort();
      const look = looks[Math.min(at++, looks.length - 1)] ?? {};
      if (look === "gone") return undefined;
      if (look === "away") throw new FogError("unreachable", "http://fog.example/fog: not reachable.");
      if (look === "refused") throw new FogError("unauthorized", "the user token is wrong.");
      return { ...TASK, ...look };
    },
    activeTasks: async () => options.others ?? [],
    cancelTasks: async () => {
      throw new Error("never");
    },
  } as unknown as FogClient;
  const run = {
    now: () => new Date(),
    signal: controller.signal,
    progress: (line: string) => progress.push(line),
    say: (line: string) => said.push(line),
  };
  const limits = { ...LIMITS, ...options.limits };
  const result = followTask(
    { client, host: HOST, task: TASK, what: "imaging with rocky9", limits, step: "5/8 imaging" },
    run,
  );
  return { result, said, progress, calls };
}

/** How long it took to fail, and with what. */
async function failure(
  ...args: Parameters<typeof following>
): Promise<{ message: string; ms: number; said: string[] }> {
  const start = performance.now();
  const { result, said } = following(...args);
  try {
    await result;
  } catch (error) {
    return { message: (error as Error).message, ms: performance.now() - start, said };
  }
  throw new Error("it did not fail");
}

describe("a task that is followed", () => {
  it("is done when the server says complete, with its progress shown on the way", async () => {
    const { result, progress } = following([
      {},
      { state: 2 },
      { state: 3, percent: 43 },
      { state: 4, percent: 100 },
    ]);
    const { task, runningAt } = await result;
    expect(task.state).toBe(4);
    expect(runningAt).toBeInstanceOf(Date);
    expect(progress.at(-1)).toBe("[5/8 imaging] pod1-node1: imaging with rocky9, in progress, 43 %");
  });

  it("that had ended before anybody looked is done, without a time at which it still ran", async () => {
    expect(await following([{ state: 4 }]).result).toEqual({ task: { ...TASK, state: 4 } });
  });

  it("trap fog#5, seeds#8: that vanished is no success", async () => {
    const { message } = await failure([{ state: 3 }, "gone"]);
    expect(message).toMatch(
      /^pod1-node1: task 17 of its imaging with rocky9 vanished from http:\/\/fog\.example\/fog/,
    );
  });

  it("trap fog#5: whose number is another host's now is no success", async () => {
    const { message } = await failure([{ state: 4, hostId: 6 }]);
    expect(message).toContain("vanished");
  });

  it("trap seeds#8: that was cancelled or failed is told as that, each by itself", async () => {
    const cancelled = await failure([
      { state: 3, percent: 50 },
      { state: 5, percent: 50 },
    ]);
    expect(cancelled.message).toContain("was cancelled in http://fog.example/fog by somebody else: task 17");
    expect(cancelled.message).toContain("50 % done");
    const failed = await failure([{ state: 3 }, { state: 6, percent: 3 }]);
    expect(failed.message).toContain("its imaging with rocky9 failed, says http://fog.example/fog: task 17");
  });

  it("trap fog#7: for which nobody came from the network ends at its own deadline", async () => {
    const { message, ms } = await failure([{ state: 1 }]);
    expect(message).toContain("did not come to http://fog.example/fog from the network within 0.3 s");
    expect(message).toContain("Last seen of task 17: queued");
    expect(message).toContain("DELETE /fog/host/5/cancel");
    expect(ms).toBeGreaterThan(290);
    expect(ms).toBeLessThan(300 + 5 * POLL_MS + 100);
  });

  it("trap fog#7: that gets no slot ends at that deadline, unless another host's uses it", async () => {
    const { message } = await failure([{ state: 2 }]);
    expect(message).toContain("got no slot");
    expect(message).toContain("storage node is disabled");
    const others = [{ ...TASK, id: 18, hostId: 6, state: 3 as const }];
    const waiting = await failure([{ state: 2 }], { others });
    expect(waiting.message).toContain("was not done within 1 s");
    expect(waiting.ms).toBeGreaterThan(950);
  });

  it("trap fog#6: a failure that nobody tells ends before the deadline and one poll", async () => {
    const stuck: Look[] = [
      {},
      { state: 3, percent: 40 },
      { state: 3, percent: 43, copied: "8.1 GiB", total: "20.0 GiB" },
    ];
    const { message, ms } = await failure(stuck);
    expect(message).toContain("made no progress for 0.3 s");
    expect(message).toContain("Last seen of task 17: in progress, 43 %, 8.1 of 20.0 GiB");
    expect(message).toContain("FOG does not tell of an imaging that failed");
    // Two polls until it stands still, the deadline, one poll.
    expect(ms).toBeLessThan(2 * POLL_MS + 300 + POLL_MS + 100);
  });

  it("is given time as long as it goes on, until the total is over", async () => {
    const slow = Array.from({ length: 99 }, (_, percent): Look => ({ state: 3, percent }));
    const { message, ms } = await failure(slow, { limits: { stallS: 0.1, totalS: 0.6 } });
    expect(message).toContain("was not done within 0.6 s");
    expect(ms).toBeGreaterThan(550);
  });

  it("outlives a server that is away for a while", async () => {
    const { result, progress } = following([{ state: 3, percent: 1 }, "away", "away", { state: 4 }]);
    expect((await result).task.state).toBe(4);
    expect(progress.some((line) => line.includes("not reachable"))).toBe(true);
  });

  it("of a server that stays away ends at the deadline, and says so", async () => {
    const { message } = await failure([{ state: 3, percent: 1 }, "away"]);
    expect(message).toContain(
      "since then the server cannot be asked: http://fog.example/fog: not reachable.",
    );
  });

  it("of a server that refuses us ends at once", async () => {
    const { message, ms } = await failure(["refused"]);
    expect(message).toBe("the user token is wrong.");
    expect(ms).toBeLessThan(200);
  });

  it("says on Ctrl-C what goes on in the server, and how to stop it", async () => {
    const { message, said } = await failure([{ state: 3, percent: 10 }], { abortAt: 3 });
    expect(said).toHaveLength(1);
    expect(said[0]).toContain(
      'the imaging with rocky9 of "pod1-node1" goes on in http://fog.example/fog as task 17',
    );
    expect(said[0]).toContain("DELETE /fog/host/5/cancel, which is of that host alone");
    expect(message).toContain('The next "pulumi up" follows it');
  });
});
