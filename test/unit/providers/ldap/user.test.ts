import { readFileSync } from "node:fs";
import { Ajv } from "ajv";
import { describe, expect, it } from "vitest";
import type { UserInputs } from "../../../../providers/ldap/user";
import { problemsOf } from "../../../../providers/ldap/user.checks";
import { userDefinition } from "../../../../providers/ldap/user.handlers";
import { kinds } from "../../../../providers/registry";

const inputs: UserInputs = {
  uid: "alice",
  backend: "people",
  base: "ou=People,dc=lab",
  objectClasses: ["top", "person", "organizationalPerson", "inetOrgPerson"],
  cn: "Alice Ames",
  sn: "Ames",
  groups: [],
  expired: false,
  passwordVersion: 1,
  permanent: [],
};

describe("a VPN user", () => {
  it("trap ldap-vpn#1: is kept by ldapts 8, which runs on Node 20, and not by ldapjs", () => {
    const { dependencies } = JSON.parse(readFileSync("package.json", "utf8")) as {
      dependencies: Record<string, string>;
    };
    expect(dependencies.ldapts).toMatch(/^8\./);
    expect(Object.keys(dependencies)).not.toContain("ldapjs");
  });

  it("trap ldap-vpn#24: is named by the config: the same inputs give the same entry", () => {
    expect(userDefinition.id(inputs)).toBe("uid=alice,ou=People,dc=lab");
    expect(userDefinition.id({ ...inputs })).toBe(userDefinition.id(inputs));
    expect(userDefinition.id({ ...inputs, uid: "a,b" })).toBe("uid=a\\2Cb,ou=People,dc=lab");
  });

  it("trap ldap-vpn#25: has the object classes of the config, in any case and order, as long as they fit together", () => {
    const problems = (...objectClasses: string[]) =>
      problemsOf({ ...inputs, objectClasses }, "alice").map(({ message }) => message);
    expect(problems("inetorgperson")).toEqual([]);
    expect(problems("shadowAccount", "inetOrgPerson", "top")).toEqual([]);
    expect(problems("top", "person")).toEqual([expect.stringContaining("must name inetOrgPerson")]);
    expect(problems("inetOrgPerson", "account")).toEqual([
      expect.stringContaining("exactly one structural chain"),
    ]);
    expect(problems("inetOrgPerson", "posixAccount")).toEqual([expect.stringContaining("uidNumber")]);
  });

  it("trap ldap-vpn#26: gives its generated password as an output, and as a secret one", () => {
    expect(userDefinition.secretOutputs).toEqual(["generatedPassword"]);
    expect(kinds["ldap:User"]?.secretOutputs).toEqual(userDefinition.secretOutputs);
  });

  it("has a rule and a reason for each input", () => {
    const schema = userDefinition.schema as { properties: Record<string, unknown> };
    expect(Object.keys(userDefinition.changes).sort()).toEqual(Object.keys(schema.properties).sort());
    for (const { reason } of Object.values(userDefinition.changes)) expect(reason.length).toBeGreaterThan(5);
  });

  it("is checked by its schema", () => {
    const validate = new Ajv({ allErrors: true, strict: false }).compile(userDefinition.schema);
    expect(validate(inputs)).toBe(true);
    for (const wrong of [
      { uid: "" },
      { passwordVersion: 0 },
      { expired: "no" },
      { until: "tomorrow" },
      { onDestroy: "keep" },
    ])
      expect(validate({ ...inputs, ...wrong }), JSON.stringify(wrong)).toBe(false);
  });

  it("is refused with what is wrong, all at once", () => {
    const bad = {
      ...inputs,
      base: "People",
      groups: ["vpn"],
      until: "2026-13-45T00:00Z",
      objectClasses: ["top"],
    };
    expect(problemsOf(bad, "alice").map(({ field }) => field)).toEqual([
      "base",
      "groups",
      "until",
      "objectClasses",
    ]);
    expect(problemsOf({ ...inputs, permanent: ["ALICE"] }, "x").map(({ field }) => field)).toEqual(["uid"]);
    expect(problemsOf({ ...inputs, permanent: ["Logical"] }, "logical")).toHaveLength(1);
    expect(problemsOf({ ...inputs, permanent: ["ali", "alice2"] }, "x")).toEqual([]);
  });
});
