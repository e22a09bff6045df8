import { AndFilter, EqualityFilter } from "ldapts";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { canBind, Directory } from "../../../providers/ldap/client";
import { open } from "../../../providers/ldap/connection";
import type { Endpoint } from "../../../providers/ldap/endpoint";
import type { LdapFailure } from "../../../providers/ldap/errors";
import { BASE, GROUPS, Lab, type Start, user, VPN } from "./lab";

const person = (uid: string, more: Record<string, string[]> = {}) => ({
  objectClass: ["inetOrgPerson"],
  uid: [uid],
  cn: [uid],
  sn: ["Test"],
  ...more,
});

/** The kind of failure and its message, of work that must fail. */
async function failing(work: Promise<unknown>): Promise<[LdapFailure, string]> {
  const error = await work.then(
    () => new Error("it did not fail"),
    (reason: unknown) => reason as Error & { failure?: LdapFailure },
  );
  return [(error as { failure: LdapFailure }).failure, error.message];
}

export function clientSuite(start: Start): void {
  describe("calls to a directory", () => {
    let lab: Lab;
    let directory: Directory;
    let endpoint: Endpoint & { bindDn: string; password: string };
    beforeAll(async () => {
      lab = new Lab(await start());
      ({ directory } = lab);
      ({ endpoint } = lab.system);
    });
    afterAll(() => lab.close());
    const as = (bindDn: string, password: string) => new Directory({ ...endpoint, bindDn, password });

    it("trap ldap-vpn#3: values come as arrays: none, one or several, whatever the case of the name", async () => {
      const dn = `uid=values,${BASE}`;
      await directory.add(dn, person("values", { mail: ["a@lab", "b@lab"] }));
      const entry = await directory.read(dn, ["MAIL", "sn", "givenName"]);
      expect(entry?.values("mail")).toEqual(["a@lab", "b@lab"]);
      expect(entry?.values("SN")).toEqual(["Test"]);
      expect(entry?.values("givenName")).toEqual([]);
      expect(await directory.read(`uid=nobody,${BASE}`, ["sn"])).toBeUndefined();
    });

    it("trap ldap-vpn#4: a value with filter characters matches itself only", async () => {
      const uid = "*)(uid=*";
      const search = (value: string) =>
        directory.search(BASE, {
          scope: "sub",
          filter: new EqualityFilter({ attribute: "uid", value }),
          attributes: ["uid"],
        });
      expect(await search(uid)).toEqual([]);
      await lab.up(user(uid));
      expect((await search(uid)).map((entry) => entry.values("uid"))).toEqual([[uid]]);
    });

    it("trap ldap-vpn#2: each refusal has its own kind and message; a second delete means gone", async () => {
      const dn = `uid=errors,${BASE}`;
      await directory.add(dn, person("errors"));
      expect(await failing(directory.add(dn, person("errors")))).toEqual([
        "taken",
        expect.stringMatching(/name is taken .*adopt: true/),
      ]);
      expect(await failing(directory.add("uid=x,ou=Nope,dc=lab", person("x")))).toEqual([
        "missing",
        expect.stringMatching(/its parent entry does not exist .*"base"/),
      ]);
      expect(
        await failing(directory.add(`uid=x,${BASE}`, { objectClass: ["inetOrgPerson"], uid: ["x"] })),
      ).toEqual([
        "schema",
        expect.stringMatching(/its schema forbids it \(object class .* requires attribute/),
      ]);
      expect(await failing(directory.add("uid=x,dc=elsewhere", person("x")))).toEqual([
        "refused",
        expect.stringContaining("no global superior knowledge"),
      ]);
      expect(await failing(directory.add(`uid=x,${BASE}`, person("x", { noSuch: ["y"] })))).toEqual([
        "unknown-attribute",
        expect.stringContaining("noSuch: attribute type undefined"),
      ]);
      expect(await failing(directory.add(`uid=x,${BASE}`, person("x", { sn: [""] })))).toEqual([
        "syntax",
        expect.stringContaining("sn: value #0 invalid per syntax"),
      ]);
      expect(await failing(directory.search("ou=Nope,dc=lab", { scope: "sub", attributes: ["cn"] }))).toEqual(
        ["missing", expect.stringContaining("ou=Nope,dc=lab: no such entry")],
      );
      expect(await failing(directory.delete(BASE))).toEqual([
        "not-empty",
        expect.stringContaining("entries below it"),
      ]);
      expect(await directory.delete(dn)).toBe(true);
      expect(await directory.delete(dn)).toBe(false);
    });

    it("a wrong password, an unknown name and no password at all are told as such", async () => {
      for (const [bindDn, password] of [
        [endpoint.bindDn, "wrong"],
        ["cn=nobody,dc=lab", "wrong"],
      ] as const)
        expect(await failing(as(bindDn, password).read(BASE, ["ou"]))).toEqual([
          "wrong-password",
          expect.stringMatching(/refused the name or password of cn=.*Check "bindDn"/),
        ]);
    });

    it("trap ldap-vpn#30: an empty password never becomes an anonymous bind", async () => {
      expect((await failing(open({ ...endpoint, password: "" })))[0]).toBe("wrong-password");
      expect(await canBind(endpoint, endpoint.bindDn, "")).toBe(false);
    });

    it("whoever has no right to write is told which right is missing", async () => {
      const { state } = await lab.up(user("reader"));
      const reader = as(state.dn, state.generatedPassword ?? "");
      const message =
        /does not let uid=reader,ou=People,dc=lab (add|change|set the password of) .*access rules/;
      expect(await failing(reader.add(`uid=x,${BASE}`, person("x")))).toEqual([
        "rights",
        expect.stringMatching(message),
      ]);
      expect(
        await failing(reader.modify(VPN, [{ operation: "add", attribute: "uniqueMember", values: [BASE] }])),
      ).toEqual(["rights", expect.stringMatching(message)]);
      expect(await failing(reader.setPassword(endpoint.bindDn, "a-long-enough-password"))).toEqual([
        "rights",
        expect.stringMatching(message),
      ]);
      expect((await reader.read(endpoint.bindDn, ["userPassword"]))?.values("userPassword")).toEqual([]);
      await reader.close();
    });

    it("compares by the server's rules, and answers no for what is not there", async () => {
      expect(await directory.compare(VPN, "uniqueMember", endpoint.bindDn.toUpperCase())).toBe(true);
      expect(await directory.compare(VPN, "uniqueMember", BASE)).toBe(false);
      expect(await directory.compare(VPN, "member", BASE)).toBe(false);
      expect(await directory.compare(`cn=nope,${GROUPS}`, "member", BASE)).toBe(false);
    });

    it("all edits of one call are made, or none", async () => {
      const dn = `uid=atomic,${BASE}`;
      await directory.add(dn, person("atomic"));
      await expect(
        directory.modify(dn, [
          { operation: "replace", attribute: "sn", values: ["Half"] },
          { operation: "delete", attribute: "mail", values: ["not@there"] },
        ]),
      ).rejects.toThrow(/no such/);
      expect((await directory.read(dn, ["sn"]))?.values("sn")).toEqual(["Test"]);
    });

    it("trap ldap-vpn#7: a password of any length and alphabet is set as raw BER", async () => {
      const dn = `uid=ber,${BASE}`;
      await directory.add(dn, person("ber"));
      for (const password of ["x".repeat(100), "y".repeat(200), "z".repeat(400), "pässwörd 木 ".repeat(12)]) {
        await directory.setPassword(dn, password);
        expect(await canBind(endpoint, dn, password)).toBe(true);
      }
      expect(await failing(directory.setPassword(`uid=nobody,${BASE}`, "z".repeat(20)))).toEqual([
        "missing",
        expect.stringContaining("no such entry"),
      ]);
    });

    it("reads more entries than a page holds", async () => {
      await directory.add("ou=Crowd,dc=lab", { objectClass: ["organizationalUnit"], ou: ["Crowd"] });
      const uids = Array.from({ length: 450 }, (_, index) => `crowd${index}`);
      await Promise.all(uids.map((uid) => directory.add(`uid=${uid},ou=Crowd,dc=lab`, person(uid))));
      const found = await directory.search("ou=Crowd,dc=lab", { scope: "one", attributes: ["uid"] });
      expect(found.flatMap((entry) => entry.values("uid")).sort()).toEqual([...uids].sort());
      const filter = new AndFilter({
        filters: [
          new EqualityFilter({ attribute: "uid", value: "CROWD7" }),
          new EqualityFilter({ attribute: "objectClass", value: "inetOrgPerson" }),
        ],
      });
      expect(await directory.search("dc=lab", { scope: "sub", filter, attributes: ["uid"] })).toHaveLength(1);
    });

    it("a connection that was lost is made again at the next call", async () => {
      const own = new Directory(endpoint);
      await own.read(BASE, ["ou"]);
      await own.close();
      expect(await own.read(BASE, ["ou"])).toBeDefined();
      await own.close();
    });
  });

  describe("a directory with a size limit", () => {
    it("trap ldap-vpn#29: a cut-off answer is an error, never taken for the whole", async () => {
      const lab = new Lab(await start({ sizeLimit: 5 }));
      try {
        const { state } = await lab.up(user("limited"));
        for (let i = 0; i < 8; i++) await lab.foreign(`many${i}`);
        const reader = new Directory({
          ...lab.system.endpoint,
          bindDn: state.dn,
          password: state.generatedPassword,
        });
        expect(await failing(reader.search(BASE, { scope: "one", attributes: ["uid"] }))).toEqual([
          "size-limit",
          expect.stringMatching(/no more entries of ou=People,dc=lab than its size limit/),
        ]);
        await reader.close();
      } finally {
        await lab.close();
      }
    });
  });
}
