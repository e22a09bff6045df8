import { afterEach, describe, expect, it } from "vitest";
import { SECRETS } from "../../embedded/fog/records";
import type { FogServerOptions } from "../../embedded/fog/server";
import { type FogLab, IMAGE, startFogLab } from "./embedded-fog.lab";

/** What was recorded against FOG 1.5.8, word for word, asked of the embedded server. */

let lab: FogLab;
const start = async (options: Partial<FogServerOptions> = {}): Promise<FogLab> => {
  lab = await startFogLab(options);
  return lab;
};
afterEach(() => lab?.close());

const MAC = "52:54:00:aa:00:01";
const JSON_TYPE = "application/json";

describe("who may call the embedded FOG server", () => {
  it("refuses a wrong, absent or un-encoded api token with 403, a wrong user with 401, both without a word", async () => {
    const { server, ask } = await start();
    const plain = Buffer.from(server.apiToken, "base64").toString("utf8");
    const nobody = { status: 403, type: JSON_TYPE, body: "" };
    for (const token of ["", "wrong", Buffer.from("wrong").toString("base64"), plain])
      expect(await ask("GET", "host", undefined, { "fog-api-token": token })).toEqual(nobody);
    const noUser = { status: 401, type: JSON_TYPE, body: "" };
    for (const token of ["", "wrong", server.closedToken])
      expect(await ask("GET", "host", undefined, { "fog-user-token": token })).toEqual(noUser);
    expect((await ask("GET", "host", undefined, { "fog-user-token": server.otherToken })).status).toBe(200);
  });

  it("says that the interface is off by a redirect, which ends at a page", async () => {
    const { server, ask } = await start({ enabled: false });
    expect((await ask("GET", "host")).status).toBe(302);
    const followed = await fetch(`${server.url}/host`);
    expect([followed.status, followed.headers.get("content-type")]).toEqual([
      200,
      "text/html; charset=UTF-8",
    ]);
  });

  it("is not at another path", async () => {
    const { ask } = await start();
    expect(await ask("GET", "/host")).toMatchObject({ status: 404, type: "text/html" });
  });

  it("says success, which is no JSON", async () => {
    const { ask } = await start();
    expect(await ask("GET", "system/info")).toEqual({ status: 200, type: JSON_TYPE, body: "success\n" });
  });
});

describe("hosts and images of the embedded FOG server", () => {
  it("shows lists with a count, all scalars as strings, empty relations and null dates", async () => {
    const { json, ask, host } = await start();
    await host("pod1-node1", MAC);
    const list = await json("GET", "host");
    expect(list).toMatchObject({
      count: 1,
      hosts: [{ id: "1", name: "pod1-node1", primac: MAC, macs: [MAC] }],
    });
    const one = await json("GET", "host/1");
    expect(one).toMatchObject({ imageID: "0", imagename: "", image: {}, deployed: "0000-00-00 00:00:00" });
    const scalars = (value: unknown): unknown[] =>
      typeof value === "object" && value !== null ? Object.values(value).flatMap(scalars) : [typeof value];
    expect(new Set(scalars(list.hosts))).toEqual(new Set(["string"]));
    expect((await ask("GET", "host/ids")).body).toBe("[1]");
    expect((await ask("GET", "host/names")).body).toBe('[{"id":1,"name":"pod1-node1"}]');
    expect(await ask("GET", "host/77")).toEqual({ status: 404, type: JSON_TYPE, body: "" });
  });

  it("lists 500 hosts on one page", async () => {
    const { json, host } = await start();
    for (let at = 0; at < 500; at++) await host(`h${at}`, `52:54:00:00:${pair(at >> 8)}:${pair(at & 255)}`);
    expect(((await json("GET", "host")).hosts as unknown[]).length).toBe(500);
  });

  it("searches for a part of a name, whatever its case, in any field", async () => {
    const { json, host } = await start();
    await host("pod1-node1", MAC);
    await host("pod1-node10", "52:54:00:aa:00:10", { description: "next to POD1-NODE1" });
    expect(await json("GET", "host/search/NODE1")).toMatchObject({ count: 2 });
    expect(await json("GET", "host/search/aa:00:10")).toMatchObject({ count: 1 });
  });

  it("filters exactly by a body of GET", async () => {
    const { json, host } = await start();
    await host("pod1-node1", MAC);
    await host("pod1-node10", "52:54:00:aa:00:10");
    expect(await json("GET", "host", { name: "pod1-node1" })).toMatchObject({ count: 1 });
  });

  it("creates an image with 200, refuses a second one and one without its fields", async () => {
    const { ask } = await start();
    const image = { name: "rocky9", path: "rocky9", ...IMAGE };
    const made = await ask("POST", "image/create", image);
    expect(made.status).toBe(200);
    expect(JSON.parse(made.body)).toMatchObject({ id: "1", osID: "50", isEnabled: "1" });
    const taken = { status: 500, type: JSON_TYPE, body: '{"error":"Already created"}' };
    expect(await ask("POST", "image/create", image)).toEqual(taken);
    const missing = { status: 417, type: JSON_TYPE, body: '{"error":"Required database field is empty"}' };
    expect(await ask("POST", "image/create", { ...image, name: "other", path: "" })).toEqual(missing);
  });

  it("creates a host with 200, refuses its name in any case, and its MAC without a word", async () => {
    const { ask } = await start();
    const host = { name: "pod1-node1", macs: [MAC], imageID: "1" };
    expect((await ask("POST", "host/create", host)).status).toBe(200);
    const other = { name: "POD1-Node1", macs: ["52:54:00:aa:00:02"] };
    expect(await ask("POST", "host/create", other)).toMatchObject({
      status: 500,
      body: '{"error":"Already created"}',
    });
    const silent = { status: 500, type: "text/html", body: "" };
    for (const macs of [[MAC], ["no mac"], undefined])
      expect(await ask("POST", "host/create", { name: "pod1-node2", macs })).toEqual(silent);
  });

  it("edits one field, takes an image that there is not, and a body that is no JSON", async () => {
    const { ask, json, host } = await start();
    await host("pod1-node1", MAC);
    expect(await json("PUT", "host/1/edit", { imageID: "99" })).toMatchObject({
      id: "1",
      imageID: "99",
      image: {},
    });
    const broken = await ask("PUT", "host/1/edit", '{"imageID": "2"');
    expect(broken.status).toBe(200);
    expect(JSON.parse(broken.body)).toMatchObject({ imageID: "99" });
    expect(await ask("PUT", "host/77/edit", { imageID: "2" })).toMatchObject({ status: 404, body: "" });
  });

  it("knows its classes in lower case only, and no others", async () => {
    const { ask } = await start();
    const unknown = { status: 501, type: JSON_TYPE, body: "" };
    for (const route of ["Host", "hosts", "computer", "host/1/nothing"])
      expect(await ask("GET", route)).toEqual(unknown);
    expect(await ask("PATCH", "host/1")).toEqual(unknown);
  });

  it("deletes a host with an empty word", async () => {
    const { ask, host } = await start();
    await host("pod1-node1", MAC);
    expect(await ask("DELETE", "host/1/delete")).toEqual({ status: 200, type: JSON_TYPE, body: '""' });
    expect((await ask("GET", "host/1")).status).toBe(404);
  });
});

describe("tasks of the embedded FOG server", () => {
  const ready = async (options: Partial<FogServerOptions> = {}) => {
    const fog = await start(options);
    await fog.image("rocky9");
    await fog.host("pod1-node1", MAC, { imageID: "1" });
    await fog.host("pod1-node2", "52:54:00:aa:00:02", { imageID: "1" });
    return fog;
  };
  const DEPLOY = {
    taskTypeID: 1,
    taskName: "x",
    shutdown: true,
    debug: false,
    deploySnapins: false,
    wol: false,
  };

  it("starts one without telling its number, and gives it a name of its own", async () => {
    const { ask, json } = await ready();
    expect(await ask("POST", "host/1/task", DEPLOY)).toEqual({ status: 200, type: JSON_TYPE, body: '""' });
    const task = {
      id: "1",
      hostID: "1",
      stateID: "1",
      typeID: "1",
      name: "x - pod1-node1",
      percent: "0",
      shutdown: "1",
    };
    expect(await json("GET", "task/active")).toMatchObject({ count: 1, tasks: [task] });
    expect(await json("GET", "task/current")).toMatchObject({ count: 1 });
    expect(await json("GET", "task/1")).toMatchObject({ ...task, state: { id: "1", name: "Queued" } });
    expect(await ask("GET", "task/9")).toMatchObject({ status: 404, body: "" });
  });

  it("refuses, each time with its own words", async () => {
    const { ask, host, image } = await ready();
    const bare = await host("bare", "52:54:00:aa:00:03");
    const off = await image("off");
    await ask("PUT", `image/${off}/edit`, { isEnabled: "0" });
    const disabled = await host("disabled", "52:54:00:aa:00:04", { imageID: String(off) });
    await ask("POST", "host/1/task", DEPLOY);
    const table = [
      ["host/1/task", DEPLOY, 500, '{"error":"Host is already a member of an active task"}'],
      [`host/${bare}/task`, DEPLOY, 500, '{"error":"Image is not valid"}'],
      [`host/${disabled}/task`, DEPLOY, 500, '{"error":"Image is not enabled"}'],
      ["host/99/task", DEPLOY, 404, ""],
      ["host/2/task", { taskTypeID: 99 }, 501, '{"error":"Invalid tasking type passed"}'],
      ["host/2/task", {}, 501, '{"error":"Invalid tasking type passed"}'],
    ] as const;
    for (const [route, body, status, answer] of table)
      expect(await ask("POST", route, body), answer).toMatchObject({ status, body: answer });
  });

  it("cancels those of a host with null", async () => {
    const { ask, json } = await ready();
    await ask("POST", "host/1/task", DEPLOY);
    await ask("POST", "host/2/task", DEPLOY);
    expect(await ask("DELETE", "host/1/cancel")).toEqual({ status: 200, type: JSON_TYPE, body: "null" });
    expect(await json("GET", "task/1")).toMatchObject({ stateID: "5", state: { name: "Cancelled" } });
    expect(await json("GET", "task/active")).toMatchObject({ count: 1, tasks: [{ hostID: "2" }] });
  });

  it("shows a running one as it was recorded", async () => {
    const { ask, json, service } = await ready();
    await ask("POST", "host/1/task", DEPLOY);
    await service("Pre_Stage1.php", { mac: MAC, type: "down" });
    const status = "12.5 GB/min@00:00:42@00:01:10@8.1 GiB@20.0 GiB@40@";
    await service("progress.php", { mac: MAC, status: Buffer.from(status).toString("base64") });
    expect(await json("GET", "task/1")).toMatchObject({
      id: "1",
      hostID: "1",
      stateID: "3",
      typeID: "1",
      percent: "40",
      pct: "0000000040",
      bpm: "12.5 GB/min",
      timeElapsed: "00:00:42",
      timeRemaining: "00:01:10",
      dataCopied: "8.1 GiB",
      dataTotal: "20.0 GiB",
      state: { id: "3", name: "In-Progress" },
    });
  });

  it("takes a machine from its boot to the end, and keeps a log of it", async () => {
    const { ask, json, service } = await ready({ slots: 1 });
    const menu = await service("ipxe/boot.php", { mac0: MAC, arch: "x86_64", platform: "efi" });
    expect(menu).toMatch(/^#!ipxe\n[\s\S]*menu/);
    expect(await service("Pre_Stage1.php", { mac: MAC })).toBe(
      `No Active Task found for Host: pod1-node1 (${MAC})`,
    );
    expect(await service("hostinfo.php", { mac: "52:54:00:ff:ff:ff" })).toBe("Invalid Host");
    for (const id of [1, 2]) await ask("POST", `host/${id}/task`, DEPLOY);
    const script = await service("ipxe/boot.php", { mac0: MAC, arch: "x86_64", platform: "efi" });
    expect(script).toMatch(/^kernel \S+ .*img=rocky9 imgid=1 .*type=down/m);
    expect(await service("hostinfo.php", { sysuuid: "x", mac: MAC })).toMatch(
      /^export hostname='pod1-node1'$/m,
    );
    expect(await service("Pre_Stage1.php", { sysuuid: "x", mac: MAC, type: "down" })).toBe("##@GO");
    expect(await service("Pre_Stage1.php", { sysuuid: "y", mac: "52:54:00:aa:00:02", type: "down" })).toBe(
      "No open slots, There are 0 before me.",
    );
    expect(await json("GET", "task/2")).toMatchObject({ stateID: "2" });
    expect(await service("Post_Stage3.php", { sysuuid: "x", mac: MAC, type: "down" })).toBe("##");
    expect(await json("GET", "task/1")).toMatchObject({
      stateID: "4",
      percent: "100",
      state: { name: "Complete" },
    });
    expect((await json("GET", "host/1")).deployed).toMatch(/^20\d\d-\d\d-\d\d \d\d:\d\d:\d\d$/);
    const logs = (await json("GET", "imaginglog")).imaginglogs as Record<string, unknown>[];
    expect(logs).toHaveLength(1);
    expect(logs[0]).toMatchObject({
      image: "rocky9",
      type: "down",
      hostID: "1",
      host: { name: "pod1-node1" },
    });
    expect(logs[0]?.finish).not.toBe("0000-00-00 00:00:00");
    expect(await service("Pre_Stage1.php", { mac: "52:54:00:aa:00:02" })).toBe("##@GO");
  });
});

describe("what nobody expects of FOG, in the embedded server", () => {
  const ready = async (options: Partial<FogServerOptions> = {}) => {
    const fog = await start(options);
    await fog.image("rocky9");
    await fog.image("clean");
    for (const at of [1, 2, 3]) await fog.host(`node${at}`, `52:54:00:aa:00:0${at}`, { imageID: "1" });
    return fog;
  };
  const DEPLOY = { taskTypeID: 1, taskName: "x" };

  it("trap fog#1: the double cancels every active task for a task id that there is not", async () => {
    const { ask, json } = await ready();
    for (const id of [1, 2, 3]) await ask("POST", `host/${id}/task`, DEPLOY);
    expect(await ask("DELETE", "task/77/cancel")).toMatchObject({ status: 200, body: "null" });
    expect(await json("GET", "task/active")).toMatchObject({ count: 0 });
  });

  it("trap fog#2: the double answers 500 without a word where nothing is active, and 409 since 1.6", async () => {
    const { ask } = await ready();
    expect(await ask("DELETE", "host/1/cancel")).toEqual({ status: 500, type: "text/html", body: "" });
    await lab.close();
    const newer = await ready({ lineVersion: "1.6" });
    expect((await newer.ask("DELETE", "host/1/cancel")).status).toBe(409);
  });

  it("trap fog#3: the double takes no whole object, no capitals, and a new MAC instead of the primary one", async () => {
    const { ask, json } = await ready();
    const whole = await json("GET", "host/1");
    expect(await ask("PUT", "host/1/edit", { ...whole, imageID: "2" })).toMatchObject({
      status: 500,
      body: '{"error":"No viable macs to use"}',
    });
    expect((await json("GET", "host/1")).imageID).toBe("1");
    expect((await ask("PUT", "host/1/edit", { name: "Node1" })).status).toBe(500);
    expect((await ask("PUT", "host/1/edit", { name: "node9" })).status).toBe(200);
    const added = { macs: ["52:54:00:aa:00:01", "52:54:00:aa:00:99"] };
    expect(await json("PUT", "host/1/edit", added)).toMatchObject({ macs: ["52:54:00:aa:00:99"] });
  });

  it("trap fog#4: the double makes two tasks of six calls at once", async () => {
    const { ask, json } = await ready();
    const answers = await Promise.all(Array.from({ length: 6 }, () => ask("POST", "host/1/task", DEPLOY)));
    expect(answers.filter((one) => one.status === 200)).toHaveLength(2);
    expect(await json("GET", "task/active")).toMatchObject({ count: 2 });
  });

  it("trap fog#5: cancelled and complete ones are gone from the active list alike, and still there by their id", async () => {
    const { ask, json, service } = await ready();
    for (const id of [1, 2]) await ask("POST", `host/${id}/task`, DEPLOY);
    await ask("DELETE", "host/1/cancel");
    await service("Pre_Stage1.php", { mac: "52:54:00:aa:00:02" });
    await service("Post_Stage3.php", { mac: "52:54:00:aa:00:02" });
    expect(await json("GET", "task/active")).toMatchObject({ count: 0 });
    expect((await json("GET", "task/1")).stateID).toBe("5");
    expect((await json("GET", "task/2")).stateID).toBe("4");
  });

  it("trap fog#8: anyone completes a task of the double", async () => {
    const { ask, json, service } = await ready();
    await ask("POST", "host/1/task", DEPLOY);
    expect(await service("Post_Stage3.php", { mac: "52:54:00:aa:00:01" })).toBe("##");
    expect((await json("GET", "task/1")).stateID).toBe("4");
  });

  it("trap fog#9: the double stores a name that it cannot find again", async () => {
    const { ask, json } = await ready();
    const macs = (at: number) => ({ macs: [`52:54:00:bb:00:0${at}`] });
    for (const [at, name] of ["pod1-node1-too-long", "two words"].entries())
      expect(await ask("POST", "host/create", { name, ...macs(at) })).toMatchObject({
        status: 404,
        body: "",
      });
    const names = ((await json("GET", "host")).hosts as { name: string }[]).map((host) => host.name);
    expect(names).toEqual(["node1", "node2", "node3", "pod1-node1-too-l", "two words"]);
    for (const [method, route] of [
      ["GET", "host/4"],
      ["PUT", "host/4/edit"],
      ["DELETE", "host/5/delete"],
      ["POST", "host/5/task"],
    ] as const)
      expect((await ask(method, route, {})).status, route).toBe(404);
    expect((await ask("POST", "host/create", { name: "exactly-15-char", ...macs(7) })).status).toBe(200);
  });

  it("trap fog#10: the double's answers carry secrets", async () => {
    const { ask } = await ready();
    await ask("POST", "host/1/task", DEPLOY);
    const { body } = await ask("GET", "task/1");
    for (const secret of Object.values(SECRETS)) expect(body).toContain(secret);
  });

  it("trap fog#11: the double squeezes white space, drops what is nothing, and compares names without case", async () => {
    const { json, ask } = await ready();
    const made = await json("POST", "host/create", {
      name: "spaces",
      macs: ["52:54:00:cc:00:01"],
      description: "two  spaces   three",
      imageID: "0",
    });
    expect(made).toMatchObject({ description: "two spaces three", imageID: "0" });
    const off = await json("POST", "image/create", { ...IMAGE, name: "off", path: "off", isEnabled: "0" });
    expect(off.isEnabled).toBe("1");
    expect((await ask("POST", "image/create", { ...IMAGE, name: "OFF", path: "off" })).status).toBe(500);
  });

  it("trap fog#12: the double, told to lie, answers 201 and inserts nothing", async () => {
    const { ask, faults, json } = await ready({ lineVersion: "1.6" });
    faults({ procedure: "fog:POST host/create", do: "lie" });
    const answer = await ask("POST", "host/create", { name: "ghost", macs: ["52:54:00:cc:00:01"] });
    expect(answer.status).toBe(201);
    expect(await json("GET", "host")).toMatchObject({ recordsTotal: 3 });
  });

  it("trap fog#13: the double's 1.6 line pages, keeps its numbers, and says its version to anyone", async () => {
    const { json, ask } = await ready({ lineVersion: "1.6" });
    const page = await json("GET", "host?start=1&length=1");
    expect(page).toMatchObject({ recordsTotal: 3, data: [{ id: 2, name: "node2" }] });
    expect(page).not.toHaveProperty("hosts");
    const info = await ask("GET", "system/info", undefined, { "fog-api-token": "", "fog-user-token": "" });
    expect(JSON.parse(info.body)).toHaveProperty("version");
    expect(await json("GET", "host", { name: "node2" })).toMatchObject({ recordsTotal: 3 });
  });

  it("trap fog#14: the double's errors have four shapes", async () => {
    const { ask } = await ready();
    const shapes = [
      await ask("POST", "host/1/task", { taskTypeID: 99 }),
      await ask("GET", "host/77"),
      await ask("DELETE", "host/1/cancel"),
      await ask("POST", "host/1/task", DEPLOY),
    ];
    expect(shapes.map(({ status, type, body }) => [status, type, body])).toEqual([
      [501, JSON_TYPE, '{"error":"Invalid tasking type passed"}'],
      [404, JSON_TYPE, ""],
      [500, "text/html", ""],
      [200, JSON_TYPE, '""'],
    ]);
  });

  it("remembers everything when it is started anew, and never gives an id twice", async () => {
    const fog = await ready();
    await fog.ask("POST", "host/1/task", DEPLOY);
    await fog.ask("DELETE", "host/3/delete");
    const before = [await fog.ask("GET", "host"), await fog.ask("GET", "task/1"), fog.server.apiToken];
    await fog.restart();
    expect([await fog.ask("GET", "host"), await fog.ask("GET", "task/1"), fog.server.apiToken]).toEqual(
      before,
    );
    expect(await fog.host("node3", "52:54:00:aa:00:03")).toBe(4);
  });
});

describe("a machine that fails", () => {
  it("says so to the 1.6 line, and has nobody to tell before", async () => {
    const tell = async (lineVersion: "1.5" | "1.6") => {
      const { ask, image, host, service, json } = await start({ lineVersion });
      await image("rocky9");
      await host("node1", MAC, { imageID: "1" });
      await ask("POST", "host/1/task", { taskTypeID: 1, taskName: "x" });
      await service("Pre_Stage1.php", { mac: MAC });
      const answer = await service("failed.php", { mac: MAC });
      const task = await json("GET", "task/1");
      const active = await json("GET", "task/active");
      await lab.close();
      return [answer, task.stateID, active.count ?? active.recordsTotal];
    };
    expect(await tell("1.6")).toEqual(["##", 6, 0]);
    expect(await tell("1.5")).toEqual([expect.stringContaining("404"), "3", 1]);
  });
});

describe("scripted faults of the embedded FOG server", () => {
  const ready = async () => {
    const fog = await start();
    await fog.image("rocky9");
    await fog.host("node1", MAC, { imageID: "1" });
    return fog;
  };
  const TASK = { taskTypeID: 1, taskName: "x" };

  it("takes a task and makes none, or two", async () => {
    const { ask, json, faults } = await ready();
    faults({ procedure: "fog:POST host/N/task", do: "lie" });
    expect(await ask("POST", "host/1/task", TASK)).toMatchObject({ status: 200, body: '""' });
    expect(await json("GET", "task/active")).toMatchObject({ count: 0 });
    faults({ procedure: "fog:twice", do: "lie" });
    await ask("POST", "host/1/task", TASK);
    expect(await json("GET", "task/active")).toMatchObject({ count: 2 });
  });

  it("answers in HTML, late, never, or not at all, before or after the work", async () => {
    const { ask, json, faults } = await ready();
    faults({ procedure: "fog:GET host", do: "error", code: 502, message: "<h1>Bad Gateway</h1>" });
    expect(await ask("GET", "host")).toEqual({
      status: 502,
      type: "text/html",
      body: "<h1>Bad Gateway</h1>",
    });
    faults({ procedure: "fog:GET host/N", do: "error" });
    expect(await ask("GET", "host/1")).toEqual({ status: 500, type: "text/html", body: "" });
    faults({ procedure: "fog:GET host", do: "slow", ms: 50 });
    const before = Date.now();
    expect((await ask("GET", "host")).status).toBe(200);
    expect(Date.now() - before).toBeGreaterThanOrEqual(45);
    faults({ procedure: "fog:POST host/N/task", do: "close", after: true });
    await expect(ask("POST", "host/1/task", TASK)).rejects.toThrow();
    faults();
    expect(await json("GET", "task/active")).toMatchObject({ count: 1 });
  });

  it("lets somebody else cancel a task in the middle", async () => {
    const { ask, json, service, faults } = await ready();
    await ask("POST", "host/1/task", TASK);
    faults({ procedure: "fog:cancelled", do: "error" });
    await service("Pre_Stage1.php", { mac: MAC });
    const told = (percent: number) =>
      service("progress.php", {
        mac: MAC,
        status: Buffer.from(`1 GB/min@0@0@1@2@${percent}@`).toString("base64"),
      });
    await told(40);
    expect((await json("GET", "task/1")).stateID).toBe("3");
    await told(60);
    expect((await json("GET", "task/1")).stateID).toBe("5");
    expect(await told(80)).toMatch(/^No Active Task/);
  });

  it("has no slot, or never sees the machine", async () => {
    const { ask, json, service, faults } = await ready();
    await ask("POST", "host/1/task", TASK);
    faults({ procedure: "fog:queued", do: "hang" });
    expect(await service("ipxe/boot.php", { mac0: MAC })).toContain("menu");
    faults({ procedure: "fog:slot", do: "error" });
    expect(await service("Pre_Stage1.php", { mac: MAC })).toBe("No open slots, There are 0 before me.");
    expect((await json("GET", "task/1")).stateID).toBe("2");
  });
});

const pair = (value: number): string => value.toString(16).padStart(2, "0");
