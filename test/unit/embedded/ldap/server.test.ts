import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from "node:fs";
import { connect, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import * as fc from "fast-check";
import { BerWriter, Client, type Control, Control as LdapControl } from "ldapts";
import { afterEach, describe, expect, it } from "vitest";
import { CODE, LdapResult } from "../../../../embedded/ldap/codes";
import { type LdapServerOptions, startLdapServer } from "../../../../embedded/ldap/server";
import { canBind, Directory } from "../../../../providers/ldap/client";
import { setPassword } from "../../../../providers/ldap/password";

const BASE = "ou=People,dc=lab";
const cleanUp: (() => unknown)[] = [];
afterEach(async () => {
  for (const work of cleanUp.splice(0).reverse()) await work();
});

function newFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), "labplan-ldap-"));
  cleanUp.push(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

async function start(options: Partial<LdapServerOptions> = {}) {
  const folder = options.folder ?? newFolder();
  const server = await startLdapServer({ folder, ...options });
  let open = true;
  const close = async () => {
    if (open) await server.close();
    open = false;
  };
  cleanUp.push(close);
  const password = readFileSync(server.adminPasswordFile, "utf8").trim();
  const endpoint = { url: server.url, bindDn: server.adminDn, password };
  const directory = new Directory(endpoint);
  const client = new Client({ url: server.url, timeout: 5_000 });
  await client.bind(server.adminDn, password);
  cleanUp.push(
    () => directory.close(),
    () => client.unbind(),
  );
  const person = (uid: string, more: Record<string, string[]> = {}) =>
    directory.add(`uid=${uid},${BASE}`, {
      objectClass: ["inetOrgPerson"],
      uid: [uid],
      cn: [uid],
      sn: ["Test"],
      ...more,
    });
  return { server, folder, endpoint, directory, client, person, close };
}

const allBytes = (folder: string): string =>
  readdirSync(folder)
    .map((name) => readFileSync(join(folder, name), "latin1"))
    .join("\n");

describe("the embedded LDAP server", () => {
  it("begins with people, groups and a group that has a member", async () => {
    const { directory } = await start();
    const found = await directory.search("dc=lab", { scope: "sub", attributes: ["1.1"] });
    expect(found.map(({ dn }) => dn)).toEqual(
      expect.arrayContaining([
        "dc=lab",
        BASE,
        "ou=Groups,dc=lab",
        "cn=vpn,ou=Groups,dc=lab",
        "cn=labplan,dc=lab",
      ]),
    );
  });

  it("keeps what it answered, also when it is not closed: additions, edits, renames, deletions, passwords", async () => {
    const { folder, directory, person, endpoint } = await start();
    for (const uid of ["kept", "renamed", "deleted"]) await person(uid);
    await directory.modify(`uid=kept,${BASE}`, [
      { operation: "replace", attribute: "mail", values: ["k@lab"] },
    ]);
    await directory.rename(`uid=renamed,${BASE}`, `uid=other,${BASE}`);
    await directory.delete(`uid=deleted,${BASE}`);
    await directory.setPassword(`uid=kept,${BASE}`, "a password to keep");
    // The first server still runs: a second on the same files sees what a start after a kill would see.
    const second = await start({ folder });
    const uids = (await second.directory.search(BASE, { scope: "one", attributes: ["uid", "mail"] })).map(
      (entry) => [...entry.values("uid"), ...entry.values("mail")],
    );
    expect(uids.sort()).toEqual([["kept", "k@lab"], ["other"]]);
    expect(second.endpoint.password).toBe(endpoint.password);
    expect(await canBind(second.endpoint, `uid=kept,${BASE}`, "a password to keep")).toBe(true);
  });

  it("writes no password in clear, and nothing that others may read", async () => {
    const { folder, directory, person, close } = await start();
    await person("secret", { userPassword: ["canary-written-as-such"] });
    await directory.setPassword(`uid=secret,${BASE}`, "canary-by-operation");
    await person("modified");
    await directory.modify(`uid=modified,${BASE}`, [
      { operation: "replace", attribute: "userPassword", values: ["canary-by-modify"] },
    ]);
    for (const moment of ["while it runs", "after"]) {
      expect(allBytes(folder), moment).not.toContain("canary");
      expect(statSync(folder).mode & 0o777).toBe(0o700);
      for (const name of readdirSync(folder))
        expect(statSync(join(folder, name)).mode & 0o777, name).toBe(0o600);
      await close();
    }
  });

  it("tells those who did not log in nothing but what the server is", async () => {
    const { server, person } = await start();
    await person("hidden");
    const anonymous = new Client({ url: server.url });
    cleanUp.push(() => anonymous.unbind());
    const dse = await anonymous.search("", { scope: "base", attributes: ["+", "*"] });
    expect(dse.searchEntries[0]).toMatchObject({ namingContexts: "dc=lab", supportedLDAPVersion: "3" });
    for (const work of [
      () => anonymous.search("dc=lab", { scope: "sub" }),
      () => anonymous.compare(`uid=hidden,${BASE}`, "sn", "Test"),
    ])
      await expect(work()).rejects.toMatchObject({ code: 32 });
    for (const work of [
      () => anonymous.del(`uid=hidden,${BASE}`),
      () => anonymous.add(`uid=x,${BASE}`, { objectClass: "inetOrgPerson", uid: "x", cn: "x", sn: "x" }),
      () => anonymous.modifyDN(`uid=hidden,${BASE}`, "uid=y"),
    ])
      await expect(work()).rejects.toMatchObject({ code: 50 });
  });

  it("lets a user change his own password, and nothing else", async () => {
    const { endpoint, directory, person } = await start();
    await person("self");
    await directory.setPassword(`uid=self,${BASE}`, "first-long-password");
    const self = new Directory({ ...endpoint, bindDn: `uid=self,${BASE}`, password: "first-long-password" });
    cleanUp.push(() => self.close());
    await self.setPassword(`uid=self,${BASE}`, "second-long-password");
    expect(await canBind(endpoint, `uid=self,${BASE}`, "second-long-password")).toBe(true);
    await expect(
      self.modify(`uid=self,${BASE}`, [{ operation: "replace", attribute: "sn", values: ["x"] }]),
    ).rejects.toMatchObject({ failure: "rights" });
    expect((await self.read(`uid=self,${BASE}`, ["userPassword", "sn"]))?.values("userPassword")).toEqual([]);
    await expect(self.compare(`uid=self,${BASE}`, "userPassword", "{")).rejects.toMatchObject({
      failure: "rights",
    });
  });

  it("heeds the end of access by the clock", async () => {
    let now = new Date("2026-12-24T17:59:59Z");
    const { endpoint, directory, person } = await start({ now: () => now });
    const dn = `uid=clock,${BASE}`;
    await person("clock", { pwdEndTime: ["20261224180000Z"] });
    await directory.setPassword(dn, "a-long-enough-password");
    expect(await canBind(endpoint, dn, "a-long-enough-password")).toBe(true);
    now = new Date("2026-12-24T18:00:00Z");
    expect(await canBind(endpoint, dn, "a-long-enough-password")).toBe(false);
  });

  it("answers every kind of filter", async () => {
    const { client, person } = await start();
    await person("anna", { mail: ["anna@lab.example"], employeeNumber: ["9"] });
    await person("bert", { employeeNumber: ["10"], givenName: ["Bert Ernie"] });
    const uids = async (filter: string) =>
      (await client.search(BASE, { scope: "one", filter, attributes: ["uid"] })).searchEntries
        .map(({ uid }) => uid)
        .sort();
    for (const [filter, expected] of [
      ["(uid=ANNA)", ["anna"]],
      ["(&(objectClass=person)(uid=bert))", []],
      ["(&(objectClass=inetOrgPerson)(uid=bert))", ["bert"]],
      ["(|(uid=anna)(uid=bert))", ["anna", "bert"]],
      ["(!(uid=anna))", ["bert"]],
      ["(mail=*)", ["anna"]],
      ["(mail=anna*example)", ["anna"]],
      ["(givenName=*rt*nie)", ["bert"]],
      ["(givenName=b*x*e)", []],
      ["(employeeNumber>=10)", ["bert"]],
      ["(employeeNumber<=9)", ["anna"]],
      ["(uid~=anna)", ["anna"]],
      ["(noSuchType=x)", []],
    ] as const)
      expect(await uids(filter), filter).toEqual(expected);
  });

  it("returns the attributes that were asked for", async () => {
    const { client, person } = await start();
    await person("attrs");
    const names = async (attributes: string[], returnAttributeValues = true) => {
      const { searchEntries } = await client.search(`uid=attrs,${BASE}`, {
        scope: "base",
        attributes,
        returnAttributeValues,
      });
      const { dn: _, ...rest } = searchEntries[0] ?? { dn: "" };
      return Object.keys(rest).filter((name) => !["*", "+", "1.1"].includes(name));
    };
    expect((await names([])).sort()).toEqual(["cn", "objectClass", "sn", "uid"]);
    expect(await names(["SN"])).toEqual(["sn"]);
    expect(await names(["1.1"])).toEqual([]);
    expect(await names(["+"])).toContain("entryUUID");
    expect(await names(["+"])).not.toContain("sn");
    expect(await names(["*", "+"])).toEqual(expect.arrayContaining(["sn", "modifyTimestamp"]));
    expect((await names([], false)).sort()).toEqual(["cn", "objectClass", "sn", "uid"]);
  });

  it("names what is bound, and refuses operations and controls that it does not have", async () => {
    const { client } = await start();
    expect((await client.exop("1.3.6.1.4.1.4203.1.11.3")).value).toBe("dn:cn=labplan,dc=lab");
    await expect(client.exop("1.2.3.4")).rejects.toMatchObject({ code: 2 });
    await expect(client.startTLS()).rejects.toMatchObject({ code: 2 });
    const critical: Control = new LdapControl("1.2.3.4", { critical: true });
    await expect(client.del(`uid=x,${BASE}`, critical)).rejects.toMatchObject({ code: 12 });
    await expect(client.exop("1.3.6.1.4.1.4203.1.11.1", "not BER")).rejects.toMatchObject({ code: 2 });
  });

  it("moves what lies below an entry with it", async () => {
    const { directory } = await start();
    const unit = (dn: string, ou: string) =>
      directory.add(dn, { objectClass: ["organizationalUnit"], ou: [ou] });
    await unit(`ou=a,${BASE}`, "a");
    await unit(`ou=b,ou=a,${BASE}`, "b");
    await directory.rename(`ou=a,${BASE}`, "ou=moved,dc=lab");
    expect(await directory.read("ou=b,ou=moved,dc=lab", ["ou"])).toBeDefined();
    expect(await directory.read(`ou=b,ou=a,${BASE}`, ["ou"])).toBeUndefined();
    await expect(directory.rename("ou=moved,dc=lab", "ou=x,ou=b,ou=moved,dc=lab")).rejects.toThrow();
  });

  it("can be made to refuse, to hang and to drop a request", async () => {
    let fault: () => Promise<void> | void = () => {};
    const { endpoint, server } = await start({ intercept: ({ op }) => (op === "add" ? fault() : undefined) });
    const own = new Directory(endpoint, { connectMs: 1_000, callMs: 200 });
    cleanUp.push(() => own.close());
    const add = () =>
      own.add(`uid=f,${BASE}`, { objectClass: ["inetOrgPerson"], uid: ["f"], cn: ["f"], sn: ["f"] });
    fault = () => {
      throw new LdapResult(CODE.unwillingToPerform, "scripted");
    };
    await expect(add()).rejects.toThrow(/scripted/);
    fault = () => new Promise(() => {});
    await expect(add()).rejects.toMatchObject({ failure: "late" });
    fault = () => {
      throw new Error("drop it");
    };
    await expect(add()).rejects.toMatchObject({ failure: "unreachable" });
    fault = () => {};
    await add();
    expect(server.url).toMatch(/^ldap:\/\/127\.0\.0\.1:\d+$/);
  });

  it("without Password Modify, the client hashes and the password works", async () => {
    const { endpoint, directory, person, folder } = await start({ passwordModify: false });
    await person("hashed");
    const dn = `uid=hashed,${BASE}`;
    await expect(directory.setPassword(dn, "canary-password-1")).rejects.toMatchObject({
      failure: "refused",
    });
    await setPassword(directory, dn, "canary-password-1", (n) => Buffer.alloc(n, 7));
    expect(await canBind(endpoint, dn, "canary-password-1")).toBe(true);
    expect(await canBind(endpoint, dn, "canary-password-2")).toBe(false);
    expect(allBytes(folder)).not.toContain("canary");
  });

  it("trap ldap-vpn#33: an entry and the end of its search arrive without a wait of 40 ms between them", async () => {
    const { directory } = await start();
    await directory.read("dc=lab", ["dc"]);
    const begun = performance.now();
    for (let i = 0; i < 50; i++) await directory.read("dc=lab", ["dc"]);
    expect(performance.now() - begun).toBeLessThan(50 * 30);
  });

  it("drops a link that speaks no LDAP, and goes on for the others", async () => {
    const { server, directory } = await start();
    const port = Number(new URL(server.url).port);
    for (const bytes of [
      "GET / HTTP/1.1\r\n\r\n",
      "\x30\x80\x00\x00",
      "\x30\x84\x7f\xff\xff\xff",
      "\x30\x03\x02\x01",
      "\x30\x05\x02\x01\x01\x60\x00",
    ])
      expect(await droppedAfter(port, Buffer.from(bytes, "latin1")), JSON.stringify(bytes)).toBe(true);
    expect(await directory.read("dc=lab", ["dc"])).toBeDefined();
  });

  it("survives any bytes in any message", async () => {
    const { server, directory } = await start();
    const port = Number(new URL(server.url).port);
    const framed = (tag: number, content: Buffer): Buffer => {
      const writer = new BerWriter();
      writer.startSequence();
      writer.writeInt(7);
      writer.writeBuffer(content, tag);
      writer.endSequence();
      return writer.buffer;
    };
    const noise = fc.uint8Array({ maxLength: 60 }).map((bytes) => Buffer.from(bytes));
    const tag = fc.constantFrom(0x60, 0x63, 0x66, 0x68, 0x4a, 0x6c, 0x6e, 0x77, 0x50, 0x42, 0x99);
    // A search that is right up to its filter: base "", scope base, no limits.
    const upToFilter = Buffer.from([4, 0, 10, 1, 0, 10, 1, 0, 2, 1, 0, 2, 1, 0, 1, 1, 0]);
    const filterTag = fc.constantFrom(0xa0, 0xa1, 0xa2, 0xa3, 0xa4, 0xa5, 0x87);
    const message = fc.oneof(
      fc.tuple(tag, noise).map(([kind, bytes]) => framed(kind, bytes)),
      fc
        .tuple(
          filterTag,
          fc.nat({ max: 40 }),
          fc.constantFrom([], [4, 1, 120], [4, 1, 120, 0x30, 5, 0x80]),
          noise,
        )
        .map(([kind, length, head, bytes]) =>
          framed(0x63, Buffer.concat([upToFilter, Buffer.from([kind, length, ...head]), bytes])),
        ),
    );
    await fc.assert(
      fc.asyncProperty(fc.array(message, { minLength: 1, maxLength: 5 }), async (messages) => {
        const socket = connect(port, "127.0.0.1");
        socket.on("error", () => {});
        socket.on("data", () => {});
        socket.end(Buffer.concat(messages));
        await new Promise((resolve) => socket.once("close", resolve));
      }),
      { numRuns: 400 },
    );
    expect(await directory.read("dc=lab", ["dc"])).toBeDefined();
  });
});

/** True when the server ends the link, or only waits for more, after these bytes; never when it answers. */
async function droppedAfter(port: number, bytes: Buffer): Promise<boolean> {
  const socket: Socket = connect(port, "127.0.0.1");
  let answered = false;
  socket.on("error", () => {});
  socket.on("data", () => {
    answered = true;
  });
  socket.write(bytes);
  const closed = await Promise.race([
    new Promise<boolean>((resolve) => socket.once("close", () => resolve(true))),
    new Promise<boolean>((resolve) => setTimeout(() => resolve(false), 150)),
  ]);
  socket.destroy();
  return (closed || bytes.length < 5) && !answered;
}
