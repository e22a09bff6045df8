import { inspect } from "node:util";
import { afterEach, describe, expect, it } from "vitest";
import { failing, html, json, type Reply, reasonOf, serverPark, TOKENS } from "./scripted";

const park = serverPark();
afterEach(() => park.closeAll());

const answering = (reply: Reply) => park.start(() => reply);

describe("what an answer means", () => {
  it("trap fog#16, fog#18: each refused login is told by its cause, with what to mend", async () => {
    const login = async (reply: Reply) => failing((await answering(reply)).client.hosts());
    const api = await login({ status: 403, body: "" });
    expect([api.reason, api.message]).toEqual(["forbidden", expect.stringContaining('"apiToken"')]);
    const user = await login({ status: 401, body: "" });
    expect([user.reason, user.message]).toEqual(["unauthorized", expect.stringContaining('"userToken"')]);
    const wrongPath = await login(html(404, "<html>404 Not Found</html>"));
    expect([wrongPath.reason, wrongPath.message]).toEqual([
      "protocol",
      expect.stringContaining("no FOG below /fog"),
    ]);
  });

  it("trap fog#17: a switched-off API is told, and no redirect is followed, because it would get the tokens", async () => {
    const elsewhere = await park.start(() => json({ count: 0, hosts: [] }));
    const off = await answering({ status: 302, location: "/fog/management/index.php", body: "" });
    const disabled = await failing(off.client.hosts());
    expect([disabled.reason, disabled.message]).toEqual(["disabled", expect.stringContaining("API Enabled")]);
    const moved = await answering({ status: 301, location: `${elsewhere.url}/host?key=1`, body: "" });
    const sent = await failing(moved.client.hosts());
    expect([sent.reason, sent.message]).toEqual([
      "protocol",
      expect.stringContaining(new URL(elsewhere.url).origin),
    ]);
    expect(sent.message).not.toContain("key=1");
    expect(elsewhere.asked).toEqual([]);
  });

  it("trap fog#14: errors come as JSON, empty, as HTML, or as 200 with nothing, and each is told", async () => {
    const worded = await answering(json({ error: "Image is not valid" }, 500));
    const refused = await failing(worded.client.hosts());
    expect([refused.reason, refused.status, refused.said]).toEqual(["refused", 500, "Image is not valid"]);
    expect(refused.message).toContain('"Image is not valid"');

    expect(await reasonOf((await answering({ status: 501, body: "" })).client.hosts())).toBe("protocol");
    expect(await reasonOf((await answering(html(500))).client.hosts())).toBe("server");
    expect(await reasonOf((await answering(html(500, "<b>Fatal error</b>"))).client.hosts())).toBe("server");

    // 200, and yet no list of hosts: never taken for none.
    for (const body of ['""', "null", "", "success\n", "[]", "{}", '{"count":0}', '{"hosts":"x"}'])
      expect(await reasonOf((await answering({ body })).client.hosts()), body).toBe("protocol");
    expect(await reasonOf((await answering(html(200, "<html>Login</html>"))).client.hosts())).toBe(
      "protocol",
    );
  });

  it("trap fog#27: a call that the server does not know is no word about what was asked for", async () => {
    const fog = await answering({ status: 501, body: "" });
    for (const call of [fog.client.host(1), fog.client.task(1), fog.client.hostByName("x")])
      expect(await reasonOf(call)).toBe("protocol");
  });

  it("trap fog#19: the bare word success, called JSON, is no answer to anything", async () => {
    const fog = await answering({ body: "success\n" });
    for (const call of [fog.client.host(1), fog.client.images(), fog.client.deleteHost(1)])
      expect(await reasonOf(call)).toBe("protocol");
  });

  it("a conflict is told from a refusal", async () => {
    for (const [reply, reason] of [
      [json({ error: "Already created" }, 500), "conflict"],
      [json({ error: "Host is already a member of an active task" }, 500), "conflict"],
      [json({ error: "No active task" }, 409), "conflict"],
      [json({ error: "Required database field is empty" }, 417), "refused"],
      [json({ error: "Invalid tasking type passed" }, 501), "refused"],
    ] as const)
      expect(await reasonOf((await answering(reply)).client.hosts())).toBe(reason);
  });

  it("an object that does not exist is undefined only when FOG itself says so", async () => {
    const fog = await park.start(({ line }) =>
      line === "GET /task/active" ? json({ count: 0, tasks: [] }) : { status: 404, body: "" },
    );
    expect(await fog.client.host(7)).toBeUndefined();
    expect(await fog.client.task(7)).toBeUndefined();
    // Something in front of it that says 404 to everything, without a word.
    const proxy = await answering({ status: 404, body: "" });
    expect(await reasonOf(proxy.client.host(7))).toBe("not-found");
  });

  it("trap fog#10: neither tokens nor anything of an answer but its error text gets into messages and causes", async () => {
    const secret = "CANARY-storage-password";
    const leaks = { pass: secret, ADPass: secret, productKey: secret };
    const replies: Reply[] = [
      json({ error: `no node for ${TOKENS.apiToken} and ${TOKENS.userToken}`, ...leaks }, 500),
      json({ ...leaks }, 500),
      { body: `<b>Warning</b>{"pass":"${secret}"}` },
      html(500, secret),
      html(404, secret),
      json({ hosts: [leaks] }),
      json(leaks),
      json({ count: 1, hosts: [{ id: secret, name: "x" }] }),
      { status: 302, location: `/${secret}`, body: secret },
      { status: 418, body: secret },
    ];
    for (const reply of replies) {
      const { client } = await answering(reply);
      const error = await failing(client.hosts());
      const shown = inspect(error, { depth: 9 });
      expect(shown).not.toContain(secret);
      for (const token of Object.values(TOKENS)) expect(shown).not.toContain(token);
    }
    const { client } = await answering(
      json({ count: 1, hosts: [{ id: "1", name: "x", ...leaks, storagenode: leaks, image: leaks }] }),
    );
    expect(inspect(await client.hosts(), { depth: 9 })).not.toContain(secret);
  });
});
