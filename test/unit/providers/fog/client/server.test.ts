import { createServer } from "node:net";
import { afterEach, describe, expect, it } from "vitest";
import { FogServer } from "../../../../../providers/fog/server";
import type { Clock } from "../../../../../providers/ssh/clock";
import { failing, html, json, reasonOf, serverPark } from "./scripted";

const park = serverPark();
afterEach(() => park.closeAll());

const hosts = (...ids: number[]) => ids.map((id) => ({ id, name: `h${id}`, primac: "" }));
const HOSTS = { count: 1, hosts: [{ id: "1", name: "h1", primac: "52:54:00:aa:00:01", macs: "" }] };
const nap = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

describe("calls to a server", () => {
  it("four are under way at most", async () => {
    let now = 0;
    let most = 0;
    const fog = await park.start(async () => {
      most = Math.max(most, ++now);
      await nap(20);
      now--;
      return json(HOSTS);
    });
    // Runs of one server share the gate.
    await Promise.all([...Array(14)].map(() => fog.clientWith().hosts()));
    expect(most).toBe(4);
  });

  it("a call that is given up in the line makes room for nobody twice", async () => {
    const fog = await park.start(async () => {
      await nap(30);
      return json(HOSTS);
    });
    const stop = new AbortController();
    const waiting = [...Array(4).keys()].map(() => fog.client.hosts());
    const given = fog.clientWith({ signal: stop.signal }).hosts();
    const after = fog.client.hosts();
    stop.abort(new Error("the engine went away"));
    await expect(given).rejects.toThrow("the engine went away");
    await Promise.all([...waiting, after]);
    expect(fog.asked).toHaveLength(5);
  });

  it("an abort ends a call under way", async () => {
    const fog = await park.start(() => new Promise(() => {}));
    const stop = new AbortController();
    const work = fog.clientWith({ signal: stop.signal }).hosts();
    setTimeout(() => stop.abort(new Error("the engine went away")), 20);
    await expect(work).rejects.toThrow("the engine went away");
  });

  it("a look is repeated while nobody answers, and not for ever", async () => {
    let left = 3;
    const fog = await park.start(() => (left-- > 0 ? { drop: true } : json(HOSTS)));
    expect(await fog.client.hosts()).toHaveLength(1);
    expect(fog.asked).toHaveLength(4);

    const dead = await park.start(() => html(503, "<html>Service Unavailable</html>"));
    expect(await reasonOf(dead.client.hosts())).toBe("server");
    expect(dead.asked).toHaveLength(4);
    fog.close();
    const gone = await failing(fog.client.hosts());
    expect([gone.reason, gone.message]).toEqual(["unreachable", expect.stringContaining("ECONNREFUSED")]);
  });

  it("what the server refuses is not asked again", async () => {
    const fog = await park.start(() => json({ error: "no" }, 500));
    expect(await reasonOf(fog.client.hosts())).toBe("refused");
    expect(fog.asked).toHaveLength(1);
  });

  it("a server that hangs is given up at the deadline, which the repetitions share", async () => {
    const hangs = await park.start(() => new Promise(() => {}), { deadlineMs: 150 });
    const start = performance.now();
    const error = await failing(hangs.client.hosts());
    expect([error.reason, error.message]).toEqual([
      "timeout",
      expect.stringContaining("no answer within 0."),
    ]);
    expect(performance.now() - start).toBeLessThan(10_000);

    let elapsed = 0;
    const clock: Clock = {
      now: () => elapsed,
      timer: (ms, action) => {
        elapsed += ms;
        queueMicrotask(action);
        return () => {};
      },
    };
    const settings = { deadlineMs: 1_500, pausesMs: [1_000, 1_000, 1_000], clock };
    const drops = await park.start(() => ({ drop: true }), settings);
    expect(await reasonOf(drops.client.hosts())).toBe("unreachable");
    expect(drops.asked).toHaveLength(2);
  });

  it("an answer that breaks off is no answer", async () => {
    const cut = createServer((socket) => {
      socket.on("error", () => {});
      socket.once("data", () => {
        socket.write('HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n{"count":1,"hosts":[');
        setTimeout(() => socket.destroy(), 10);
      });
    });
    await new Promise<void>((resolve) => cut.listen(0, "127.0.0.1", resolve));
    const url = `http://127.0.0.1:${(cut.address() as { port: number }).port}/fog`;
    const server = new FogServer({ url, apiToken: "YQ==", userToken: "YQ==" }, { pausesMs: [1] });
    expect(await reasonOf(server.list("/host", "hosts"))).toBe("unreachable");
    server.close();
    cut.close();
  });

  it("trap fog#13: the pages of 1.6 are read to the end", async () => {
    const all = hosts(...[...Array(1_203).keys()].map((n) => n + 1));
    const fog = await park.start(({ line }) => {
      const query = new URL(line.slice(4), "http://x").searchParams;
      const start = Number(query.get("start") ?? 0);
      const data = all.slice(start, start + Number(query.get("length") ?? 100));
      return json({ recordsTotal: 1_203, recordsFiltered: 1_203, data });
    });
    const found = await fog.client.hosts();
    expect(found.map(({ id }) => id)).toEqual(all.map(({ id }) => id));
    expect(fog.lines()).toEqual([
      "GET /host",
      "GET /host?length=500&start=100",
      "GET /host?length=500&start=600",
      "GET /host?length=500&start=1100",
    ]);
  });

  it("a part of a list is never taken for the whole", async () => {
    const short = await park.start(() => json({ recordsTotal: 5, recordsFiltered: 5, data: hosts(1, 2) }));
    expect((await failing(short.client.hosts())).message).toContain("gave 2 of 5 rows");
    const counted = await park.start(() => json({ count: 3, hosts: hosts(1, 2) }));
    expect(await reasonOf(counted.client.hosts())).toBe("protocol");
  });

  it("the tokens go along trimmed, and only in headers", async () => {
    const fog = await park.start(() => json(HOSTS));
    await fog.client.hosts();
    expect(fog.asked[0]?.headers).toMatchObject({
      "fog-api-token": "YXBpLXRva2Vu",
      "fog-user-token": "dXNlci10b2tlbg==",
    });
    expect(fog.lines()).toEqual(["GET /host"]);
  });
});
