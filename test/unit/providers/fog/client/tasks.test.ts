import { afterEach, describe, expect, it } from "vitest";
import type { FogHost } from "../../../../../providers/fog/client";
import { failing, html, json, reasonOf } from "./scripted";
import { host, smallFogs } from "./small-fog";

const park = smallFogs();
afterEach(() => park.closeAll());

const NODE1 = { id: 1, name: "pod1-node1" } as FogHost;
const POST = "POST /host/1/task";
const count = (lines: string[], wanted: string): number => lines.filter((line) => line === wanted).length;

describe("starting a task", () => {
  it("trap fog#5: the call gives no id: the task is the new one of this host and type", async () => {
    const { fog, client, asked } = await park.start();
    fog.add({ hostID: 2, name: "ours - pod1-node2" });
    const task = await client.startTask(NODE1, 1, "ours");
    expect(task).toMatchObject({ id: 12, hostId: 1, type: 1, state: 1, name: "ours - pod1-node1" });
    expect(asked.find(({ line }) => line === POST)?.body).toEqual({
      taskTypeID: 1,
      taskName: "ours",
      shutdown: false,
      debug: false,
      deploySnapins: false,
      wol: false,
    });
  });

  it("ours that is active already is given back, and nothing is started", async () => {
    const { fog, client, lines } = await park.start();
    fog.add({ hostID: 1, stateID: 3, name: "OURS  - pod1-node1" });
    expect(await client.startTask(NODE1, 1, "ours")).toMatchObject({ id: 11, state: 3 });
    expect(lines()).toEqual(["GET /task/active"]);
  });

  it("another's task on the host is an error that says whose, of whatever type: FOG would cancel some by itself", async () => {
    for (const other of [
      { name: "theirs - pod1-node1" },
      { name: "ours2 - pod1-node1" },
      { name: "ours - pod1-node1", typeID: 18 },
      { name: "wake - pod1-node1", typeID: 14, createdBy: "alice" },
    ]) {
      const { fog, client, lines } = await park.start();
      fog.add({ hostID: 1, ...other });
      const error = await failing(client.startTask(NODE1, 1, "ours"));
      expect(error.reason).toBe("conflict");
      expect(error.message).toContain(`task 11 "${other.name}"`);
      expect(error.message).toContain(`started by ${other.createdBy ?? "fog"}`);
      expect(lines()).toEqual(["GET /task/active"]);
    }
  });

  it("a number that was given to another host since is not touched", async () => {
    const { fog, client, lines } = await park.start();
    fog.hosts = [host(1, "somebody-else")];
    const error = await failing(client.startTask(NODE1, 1, "ours"));
    expect([error.reason, error.message]).toEqual([
      "conflict",
      expect.stringContaining('is called "somebody-else" now'),
    ]);
    fog.hosts = [];
    expect(await reasonOf(client.startTask(NODE1, 1, "ours"))).toBe("not-found");
    expect(count(lines(), POST)).toBe(0);
  });

  it("trap fog#4: after a 5xx the active tasks are read before anything is asked again", async () => {
    const { fog, client, lines } = await park.start();
    // Made, and then failed.
    fog.odd = (asked) => (asked.line === POST ? fog.doAndSay(asked, html(500)) : undefined);
    expect(await client.startTask(NODE1, 1, "ours")).toMatchObject({ id: 11 });
    expect(count(lines(), POST)).toBe(1);
    expect(fog.tasks).toHaveLength(1);
  });

  it("a lost answer is no reason to start a second task, and one that was not made is asked for once more", async () => {
    for (const odd of [{ drop: true }, html(502)]) {
      const made = await park.start();
      made.fog.odd = (asked) => (asked.line === POST ? made.fog.doAndSay(asked, odd) : undefined);
      expect(await made.client.startTask(NODE1, 1, "ours")).toMatchObject({ id: 11 });
      expect(made.fog.tasks).toHaveLength(1);

      let first = true;
      const lost = await park.start();
      lost.fog.odd = ({ line }) => {
        if (line !== POST || !first) return undefined;
        first = false;
        return odd;
      };
      expect(await lost.client.startTask(NODE1, 1, "ours")).toMatchObject({ id: 11 });
      expect(count(lost.lines(), POST)).toBe(2);
      expect(lost.fog.tasks).toHaveLength(1);

      const never = await park.start();
      never.fog.odd = ({ line }) => (line === POST ? odd : undefined);
      expect(["server", "unreachable"]).toContain(await reasonOf(never.client.startTask(NODE1, 1, "ours")));
      expect(count(never.lines(), POST)).toBe(2);
    }
  });

  it("after a time-out nothing is asked again, because the server may still be at it; the next run finds the task", async () => {
    const { fog, client, lines } = await park.start({ deadlineMs: 120 });
    fog.odd = (asked) => {
      if (asked.line !== POST) return undefined;
      setTimeout(() => fog.usual(asked), 160);
      return new Promise(() => {});
    };
    expect(await reasonOf(client.startTask(NODE1, 1, "ours"))).toBe("timeout");
    expect(count(lines(), POST)).toBe(1);
    await new Promise((resolve) => setTimeout(resolve, 250));
    fog.odd = () => undefined;
    expect(await client.startTask(NODE1, 1, "ours")).toMatchObject({ id: 11 });
  });

  it("200 without a task is an error, not a success", async () => {
    const { fog, client, lines } = await park.start();
    fog.odd = ({ line }) => (line === POST ? json("") : undefined);
    const error = await failing(client.startTask(NODE1, 1, "ours"));
    expect([error.reason, error.message]).toEqual(["refused", expect.stringContaining("and has none")]);
    expect(count(lines(), POST)).toBe(1);
  });

  it("two tasks made by a race: the first one is followed, and it is said", async () => {
    const { fog, client, warnings } = await park.start();
    fog.odd = (asked) => (asked.line === POST ? fog.doAndSay(asked, json(""), 2) : undefined);
    expect(await client.startTask(NODE1, 1, "ours")).toMatchObject({ id: 11 });
    expect(warnings).toEqual([
      expect.stringContaining("2 tasks of ours in the FOG server (11, 12): 11 is followed"),
    ]);
  });

  it("trap fog#29: already a member: ours is found, another's is told, and one that ended meanwhile is no obstacle", async () => {
    const member = json({ error: "Host is already a member of an active task" }, 500);
    const raced = (name: string | undefined) => async () => {
      const one = await park.start();
      let first = true;
      one.fog.odd = ({ line }) => {
        if (line !== POST || !first) return undefined;
        first = false;
        if (name) one.fog.add({ hostID: 1, name });
        return member;
      };
      return one;
    };
    expect(await (await raced("ours - pod1-node1")()).client.startTask(NODE1, 1, "ours")).toMatchObject({
      id: 11,
    });
    expect(await reasonOf((await raced("theirs")()).client.startTask(NODE1, 1, "ours"))).toBe("conflict");
    const free = await raced(undefined)();
    expect(await free.client.startTask(NODE1, 1, "ours")).toMatchObject({ id: 11 });
    expect(count(free.lines(), POST)).toBe(2);
  });

  it("trap fog#30: what FOG refuses in words is told at once", async () => {
    const { fog, client, lines } = await park.start();
    fog.odd = ({ line }) => (line === POST ? json({ error: "Image is not enabled" }, 500) : undefined);
    expect((await failing(client.startTask(NODE1, 1, "ours"))).message).toContain('"Image is not enabled"');
    expect(count(lines(), POST)).toBe(1);
  });
});

describe("looking at tasks", () => {
  it("trap fog#5: a task that is not active any more is read by its number, in any state", async () => {
    const { fog, client } = await park.start();
    for (const stateID of [4, 5, 6]) {
      const { id } = fog.add({ hostID: 1, stateID });
      expect(await client.activeTasks(1)).toEqual([]);
      expect(await client.task(id)).toMatchObject({ id, state: stateID });
    }
    expect(await client.task(99)).toBeUndefined();
  });

  it("only the host's own tasks are its, and a strange one of another host disturbs nobody", async () => {
    const { fog, client } = await park.start();
    fog.add({ hostID: 12 });
    fog.add({ hostID: 2, stateID: 9 });
    fog.odd = ({ line }) =>
      line === "GET /task/active" ? json({ count: fog.tasks.length, tasks: fog.tasks }) : undefined;
    expect(await client.activeTasks(1)).toEqual([]);
    expect(await client.activeTasks(12)).toHaveLength(1);
  });
});

describe("cancelling", () => {
  it("trap fog#1: is only ever done by the host, and ends no task of another", async () => {
    const { fog, client, lines } = await park.start();
    fog.add({ hostID: 2 });
    fog.add({ hostID: 1 });
    fog.add({ hostID: 1 });
    await client.cancelTasks(NODE1);
    expect(fog.tasks.map(({ hostID, stateID }) => [hostID, stateID])).toEqual([
      [2, 1],
      [1, 5],
      [1, 5],
    ]);
    const deletes = lines().filter((line) => line.startsWith("DELETE"));
    expect(deletes).toEqual(["DELETE /host/1/cancel", "DELETE /host/1/cancel"]);
    for (const id of [0, -1, 1.5, Number.NaN])
      expect(await reasonOf(client.host(id)), String(id)).toBe("protocol");
  });

  it("a host that is called otherwise now keeps its tasks", async () => {
    const { fog, client, lines } = await park.start();
    fog.hosts = [host(1, "somebody-else")];
    fog.add({ hostID: 1 });
    expect(await reasonOf(client.cancelTasks(NODE1))).toBe("conflict");
    expect(lines().filter((line) => line.startsWith("DELETE"))).toEqual([]);
    expect(fog.active()).toHaveLength(1);
  });

  it("trap fog#2: nothing active is success, before and after: 500 and 409 alike", async () => {
    const idle = await park.start();
    await idle.client.cancelTasks(NODE1);
    expect(idle.lines()).toEqual(["GET /task/active"]);
    for (const reply of [html(500), json({ error: "No active task" }, 409), { status: 409, body: "" }]) {
      const { fog, client } = await park.start();
      fog.add({ hostID: 1 });
      fog.odd = ({ line }) => {
        if (!line.startsWith("DELETE")) return undefined;
        // It ended by itself just before.
        for (const task of fog.tasks) task.stateID = 4;
        return reply;
      };
      await client.cancelTasks(NODE1);
    }
  });

  it("what stays active in spite of all is told", async () => {
    for (const [reply, reason] of [
      [json(null), "refused"],
      [html(500), "server"],
      [json({ error: "no" }, 409), "conflict"],
    ] as const) {
      const { fog, client } = await park.start();
      fog.add({ hostID: 1 });
      fog.odd = ({ line }) => (line.startsWith("DELETE") ? reply : undefined);
      expect(await reasonOf(client.cancelTasks(NODE1))).toBe(reason);
    }
  });
});
