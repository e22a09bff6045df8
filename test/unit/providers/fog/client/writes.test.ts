import { afterEach, describe, expect, it } from "vitest";
import { failing, html, json, reasonOf } from "./scripted";
import { smallFogs } from "./small-fog";

const park = smallFogs();
afterEach(() => park.closeAll());

const MAC = "52:54:00:aa:00:07";
const NEW = { name: "pod1-node7", macs: [MAC], description: "[labplan k3v9q2x7/dev/node7]" };
const writes = (lines: string[]): string[] => lines.filter((line) => !line.startsWith("GET"));

describe("registering a host", () => {
  it("is read again, whatever the answer said", async () => {
    const { client, asked } = await park.start();
    expect(await client.createHost({ ...NEW, macs: ["52-54-00-AA-00-07"] })).toMatchObject({
      id: 9,
      name: NEW.name,
      macs: [MAC],
    });
    expect(asked.filter(({ line }) => line.startsWith("POST")).map(({ body }) => body)).toEqual([
      { name: NEW.name, macs: [MAC], description: NEW.description },
    ]);
  });

  it("trap fog#12: 201 and nothing inserted is an error", async () => {
    const { fog, client } = await park.start();
    fog.odd = ({ line, body }) => (line === "POST /host/create" ? json({ id: 99, ...body }, 201) : undefined);
    const error = await failing(client.createHost(NEW));
    expect([error.reason, error.message]).toEqual([
      "refused",
      expect.stringContaining('answered that host "pod1-node7" is created, and has none'),
    ]);
  });

  it("trap fog#9: a name that FOG would cut off is never sent", async () => {
    const { client, asked } = await park.start();
    for (const name of ["pod1-node1-longer", "pod1 node7"])
      expect(await reasonOf(client.createHost({ ...NEW, name }))).toBe("refused");
    expect(await reasonOf(client.createHost({ ...NEW, macs: ["x"] }))).toBe("refused");
    expect(asked).toEqual([]);
  });

  it("trap fog#11: a name that exists in other letters, and a MAC of another host, are told before they are sent", async () => {
    const { client, lines } = await park.start();
    const name = await failing(client.createHost({ ...NEW, name: "POD1-NODE1" }));
    expect([name.reason, name.message]).toEqual([
      "conflict",
      expect.stringContaining('a host "pod1-node1" exists'),
    ]);
    const mac = await failing(client.createHost({ ...NEW, macs: [MAC, "52:54:00:AA:00:02"] }));
    expect([mac.reason, mac.message]).toEqual([
      "conflict",
      expect.stringContaining('52:54:00:aa:00:02 of host "pod1-node7" is a MAC of its host "pod1-node2"'),
    ]);
    expect(writes(lines())).toEqual([]);
  });

  it("a lost answer is looked after, and the host is not made twice", async () => {
    const { fog, client, lines } = await park.start();
    fog.odd = (asked) =>
      asked.line === "POST /host/create" ? fog.doAndSay(asked, { drop: true }) : undefined;
    expect(await client.createHost(NEW)).toMatchObject({ id: 9 });
    expect(writes(lines())).toEqual(["POST /host/create"]);
  });

  it("trap fog#25: one that was not made is asked for once more, and then told with what FOG has no word for", async () => {
    const { fog, client, lines } = await park.start();
    fog.odd = ({ line }) => (line === "POST /host/create" ? html(500) : undefined);
    const error = await failing(client.createHost(NEW));
    expect([error.reason, error.message]).toEqual([
      "server",
      expect.stringContaining("a MAC that it does not like, or that another host has: 52:54:00:aa:00:07"),
    ]);
    expect(writes(lines())).toEqual(["POST /host/create", "POST /host/create"]);
  });

  it("a namesake of others that came meanwhile is not taken for ours", async () => {
    const { fog, client } = await park.start();
    fog.odd = (asked) => {
      if (asked.line !== "POST /host/create") return undefined;
      asked.body.description = "theirs";
      fog.usual(asked);
      return html(500);
    };
    expect(await reasonOf(client.createHost(NEW))).toBe("server");
  });
});

describe("changing a host", () => {
  it("trap fog#3: each field that differs goes out by itself, and what is the same does not", async () => {
    const { fog, client, asked } = await park.start();
    const after = await client.editHost(1, { description: "x", imageId: 7, kernelArgs: "" });
    expect(after).toMatchObject({ description: "x", imageId: 7 });
    const puts = asked.filter(({ line }) => line.startsWith("PUT"));
    expect(puts.map(({ line, body }) => [line, body])).toEqual([
      ["PUT /host/1/edit", { description: "x" }],
      ["PUT /host/1/edit", { imageID: "7" }],
    ]);
    asked.length = 0;
    // White space that FOG squeezed is no difference.
    for (const one of fog.hosts) one.description = "a b";
    await client.editHost(1, { description: "a  b\n", imageId: 7 });
    expect(asked.filter(({ line }) => line.startsWith("PUT"))).toEqual([]);
  });

  it("trap fog#22: 200 that changed nothing is an error", async () => {
    const { fog, client } = await park.start();
    fog.odd = ({ line }) =>
      line === "PUT /host/1/edit" ? json({ ...fog.hosts[0], imageID: "7" }) : undefined;
    const error = await failing(client.editHost(1, { imageId: 7 }));
    expect([error.reason, error.message]).toEqual([
      "refused",
      expect.stringContaining("that its imageID is set, and shows another value"),
    ]);
  });

  it("trap fog#23: an image that does not exist is refused here, because FOG takes any number", async () => {
    const { client, lines } = await park.start();
    expect(await reasonOf(client.editHost(1, { imageId: 8 }))).toBe("not-found");
    expect(await reasonOf(client.editHost(5, { description: "x" }))).toBe("not-found");
    expect(writes(lines())).toEqual([]);
  });

  it("a lost answer to a change is looked after", async () => {
    const { fog, client, lines } = await park.start();
    let first = true;
    fog.odd = ({ line }) => {
      if (line !== "PUT /host/1/edit" || !first) return undefined;
      first = false;
      return { drop: true };
    };
    expect(await client.editHost(1, { description: "x" })).toMatchObject({ description: "x" });
    expect(writes(lines())).toEqual(["PUT /host/1/edit", "PUT /host/1/edit"]);
  });

  it("MACs stay as they are while a task needs them, and when another host has one", async () => {
    const { fog, client, lines } = await park.start();
    expect(await reasonOf(client.editHost(1, { macs: [MAC, "52:54:00:aa:00:02"] }))).toBe("conflict");
    fog.add({ hostID: 1 });
    expect(await reasonOf(client.editHost(1, { macs: [MAC] }))).toBe("conflict");
    expect(writes(lines())).toEqual([]);
  });

  it("MACs of before come back when the server refuses the new ones half-way", async () => {
    const { fog, client } = await park.start();
    fog.odd = ({ line, body }) =>
      line === "PUT /host/1/edit" && (body.macs as string[]).includes(MAC)
        ? json({ error: "MAC address is already in use by another host: x" }, 500)
        : undefined;
    expect(await reasonOf(client.editHost(1, { macs: ["52:54:00:aa:00:01", MAC] }))).toBe("refused");
    expect(fog.hosts[0]?.macs).toEqual(["52:54:00:aa:00:01"]);
  });
});

describe("removing a host", () => {
  it("what is gone already is success, and 200 that removed nothing is none", async () => {
    const { fog, client } = await park.start();
    await client.deleteHost(2);
    await client.deleteHost(2);
    expect(fog.hosts.map(({ id }) => id)).toEqual([1]);
    fog.odd = ({ line }) => (line === "DELETE /host/1/delete" ? json("") : undefined);
    expect(await reasonOf(client.deleteHost(1))).toBe("refused");
  });
});
