import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { FogHost } from "../../../../../providers/fog/client";
import { html, json, type Reply } from "./scripted";
import { SmallFog, smallFogs } from "./small-fog";

const NODE1 = { id: 1, name: "pod1-node1" } as FogHost;

/** What may become of any one call: as it should be, done and badly answered, or not done at all. */
type Fate = { done: boolean; reply?: Reply };
const ANSWERS: Reply[] = [
  html(500),
  html(502, "<html>"),
  { drop: true },
  { status: 409, body: "" },
  { status: 404, body: "" },
  { status: 501, body: "" },
  json({ error: "Host is already a member of an active task" }, 500),
  json(""),
  json(null),
];
const fate = fc.oneof(
  { weight: 6, arbitrary: fc.constant<Fate>({ done: true }) },
  { weight: 4, arbitrary: fc.record({ done: fc.boolean(), reply: fc.constantFrom(...ANSWERS) }) },
);

describe("whatever becomes of the calls", () => {
  const park = smallFogs();
  let one: Awaited<ReturnType<typeof park.start>>;
  beforeAll(async () => {
    one = await park.start();
  });
  afterAll(() => park.closeAll());

  /** A server whose calls fare so, with tasks on both hosts. */
  function begin(fates: Fate[], states: number[]): SmallFog {
    const fresh = new SmallFog();
    Object.assign(one.fog, { hosts: fresh.hosts, tasks: [] });
    one.asked.length = 0;
    for (const [at, stateID] of states.entries())
      one.fog.add({
        hostID: (at % 2) + 1,
        stateID,
        name: at % 3 === 0 ? "theirs" : `ours - pod1-node${(at % 2) + 1}`,
      });
    const left = [...fates];
    one.fog.odd = (asked) => {
      const next = left.shift();
      if (!next?.reply) return undefined;
      return next.done ? one.fog.doAndSay(asked, next.reply) : next.reply;
    };
    return one.fog;
  }

  const ofOthers = (fog: SmallFog): string => JSON.stringify(fog.tasks.filter(({ hostID }) => hostID !== 1));

  it("trap fog#1: cancelling touches this host's tasks alone, and says success only when none is left", async () => {
    const states = fc.array(fc.integer({ min: 1, max: 5 }), { maxLength: 6 });
    await fc.assert(
      fc.asyncProperty(fc.array(fate, { maxLength: 12 }), states, async (fates, given) => {
        const fog = begin(fates, given);
        const before = ofOthers(fog);
        const ended = await one.client.cancelTasks(NODE1).then(
          () => true,
          () => false,
        );
        expect(ofOthers(fog)).toBe(before);
        const writes = one.lines().filter((line) => !line.startsWith("GET "));
        expect(writes.filter((line) => line !== "DELETE /host/1/cancel")).toEqual([]);
        if (ended) expect(fog.active().filter(({ hostID }) => hostID === 1)).toEqual([]);
      }),
      { numRuns: 100 },
    );
  }, 60_000);

  it("trap fog#4: a task is started twice at most, never beside another's, and what is given back is real and ours", async () => {
    const states = fc.array(fc.constantFrom(1, 4, 5), { maxLength: 3 });
    await fc.assert(
      fc.asyncProperty(fc.array(fate, { maxLength: 12 }), states, async (fates, given) => {
        const fog = begin(fates, given);
        const before = ofOthers(fog);
        const theirs = fog.active().some(({ hostID, name }) => hostID === 1 && name === "theirs");
        const task = await one.client.startTask(NODE1, 1, "ours").catch(() => undefined);
        expect(ofOthers(fog)).toBe(before);
        const writes = one.lines().filter((line) => !line.startsWith("GET "));
        expect(writes.filter((line) => line !== "POST /host/1/task")).toEqual([]);
        expect(writes.length).toBeLessThanOrEqual(theirs ? 0 : 2);
        if (!task) return;
        const real = fog.active().filter(({ hostID, name }) => hostID === 1 && name.startsWith("ours - "));
        expect(real[0]).toMatchObject({ id: task.id, typeID: 1 });
      }),
      { numRuns: 100 },
    );
  }, 60_000);
});
