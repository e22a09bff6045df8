import { describe, expect, test } from "vitest";
import type { VpnConfig, VpnUserConfig } from "../../../../stacks/config/types";
import { emptyLock } from "../../../../stacks/plan/lock-file";
import { inputsOf, lab, planned, resource, told } from "./lab";

const vpn = (parts: Partial<VpnConfig> = {}) =>
  lab({
    backends: {
      people: { kind: "ldap", url: "ldaps://ldap.example", password: { secret: "ldapPassword" } },
      rack: { kind: "embedded" },
    },
    vpn: { backend: "people", base: "ou=People,dc=lab", groupBase: "ou=Groups,dc=lab", ...parts },
  });

const alice = (parts: Partial<VpnUserConfig> = {}, section: Partial<VpnConfig> = {}) =>
  vpn({ users: { alice: { sn: "Ames", ...parts } }, ...section });

const inputs = (parts: Partial<VpnUserConfig> = {}, section: Partial<VpnConfig> = {}) =>
  inputsOf(planned(alice(parts, section)), "ldap:User", "alice");

describe("a VPN user", () => {
  test("needs a surname only", () => {
    expect(inputs()).toEqual({
      backend: "people",
      base: "ou=People,dc=lab",
      cn: "Ames",
      expired: false,
      groups: [],
      objectClasses: ["top", "person", "organizationalPerson", "inetOrgPerson"],
      passwordVersion: 1,
      permanent: [],
      sn: "Ames",
      uid: "alice",
    });
  });

  test("carries what the user says", () => {
    const said = {
      cn: "Al",
      givenName: "Alice",
      mail: "alice@example.org",
      passwordVersion: 3,
      password: { secret: "alicePassword" },
      adopt: true,
      onDestroy: "delete" as const,
    };
    expect(inputs(said)).toMatchObject(said);
    expect(inputs({ givenName: "Alice" }).cn).toBe("Alice Ames");
    expect(inputs({}, { objectClasses: ["top", "account"] }).objectClasses).toEqual(["top", "account"]);
  });

  test("is in groups by name under groupBase, escaped, or by DN", () => {
    expect(inputs({ groups: ["vpn", "R&D, night", "cn=root,ou=Other,dc=lab", "vpn"] }).groups).toEqual([
      "cn=R&D\\2C night,ou=Groups,dc=lab",
      "cn=root,ou=Other,dc=lab",
      "cn=vpn,ou=Groups,dc=lab",
    ]);
  });

  test("the order of groups and permanent names is no difference", () => {
    expect(inputs({ groups: ["b", "a"] }, { permanent: ["y", "x"] })).toEqual(
      inputs({ groups: ["a", "b"] }, { permanent: ["x", "y"] }),
    );
  });

  test("keeps the backend's connection data with the secret by name only", () => {
    expect(resource(planned(alice()), "ldap:User", "alice").backend).toEqual({
      kind: "ldap",
      url: "ldaps://ldap.example",
      password: { secret: "ldapPassword" },
    });
  });

  test("can live in the lab that comes with us", () => {
    expect(planned(alice({}, { backend: "rack" })).resources.map(({ kind }) => kind)).toContain("ldap:User");
  });
});

describe("the end of a user's time", () => {
  test("is an instant in UTC, however it was written", () => {
    const until = (text: string) => inputs({ until: text }).until;
    expect(until("2026-12-24T18:00Z")).toBe("2026-12-24T18:00:00Z");
    expect(until("2026-12-24T19:00:00+01:00")).toBe("2026-12-24T18:00:00Z");
  });

  test("is past from its first moment on, by the time that the plan is given", () => {
    const config = alice({ until: "2026-12-24T18:00Z" });
    const at = (time: string) =>
      inputsOf(planned(config, emptyLock(), new Date(time)), "ldap:User", "alice").expired;
    expect(at("2026-12-24T17:59:59Z")).toBe(false);
    expect(at("2026-12-24T18:00:00Z")).toBe(true);
  });

  test("is told when it is past, with what it does not do", () => {
    const plan = planned(alice({ until: "2026-01-01T00:00Z" }));
    expect(plan.notes).toEqual([
      "alice: its time ended at 2026-01-01T00:00:00Z, so the entry is locked and taken out of its groups. A VPN session that is still open can outlast this; end it at the VPN server.",
    ]);
    expect(planned(alice({ until: "2027-01-01T00:00Z" })).notes).toEqual([]);
  });
});

describe("a renamed user", () => {
  test("gets the new uid in place: the mark and the engine's name stay", () => {
    const config = vpn({ users: { alicia: { sn: "Ames", formerly: "alice" } } });
    const plan = planned(config);
    expect(resource(plan, "ldap:User", "alicia")).toMatchObject({
      formerNames: ["alice"],
      markName: "alice",
      inputs: { uid: "alicia" },
    });
    const later = planned(vpn({ users: { alicia: { sn: "Ames" } } }), plan.lock);
    expect(resource(later, "ldap:User", "alicia")).toMatchObject({ markName: "alice" });
  });
});

describe("what is refused", () => {
  const cases: [string, Partial<VpnUserConfig>, Partial<VpnConfig>, string][] = [
    [
      "a permanent user, whatever the case",
      { name: "Root" },
      { permanent: ["root"] },
      'vpn.users.alice: "Root" is among the permanent users',
    ],
    [
      "one that was permanent",
      { formerly: "root" },
      { permanent: ["root"] },
      '"root" is among the permanent users',
    ],
    ["an uid with a space", { name: "alice ames" }, {}, 'vpn.users.alice.name: "alice ames" is no uid'],
    ["an uid that would have to be escaped", { name: "a,b" }, {}, "is no uid"],
    ["no surname", { sn: " " }, {}, "vpn.users.alice.sn"],
    ["an end that is no instant", { until: "2026-12-24" }, {}, "vpn.users.alice.until"],
    ["an end on a day that there is not", { until: "2026-02-30T00:00Z" }, {}, "vpn.users.alice.until"],
    [
      "a group whose place is not known",
      { groups: ["vpn"] },
      { groupBase: undefined as never },
      'vpn.users.alice.groups.0: where group "vpn" lives is not known',
    ],
    ["a password version of none", { passwordVersion: 0 }, {}, "vpn.users.alice.passwordVersion"],
    ["a base that is no DN", {}, { base: "People" }, "vpn.base"],
    ["no object classes", {}, { objectClasses: [] }, "vpn.objectClasses"],
    ["a backend that is not declared", {}, { backend: "peple" }, 'Did you mean "people"?'],
  ];
  test.each(cases)("%s", (_, user, section, message) => {
    const problems = told(alice(user, section));
    expect(problems).toHaveLength(1);
    expect(problems[0]).toContain(message);
  });

  test("two users with one uid", () => {
    const config = vpn({ users: { alice: { sn: "A" }, bob: { sn: "B", name: "Alice" } } });
    expect(told(config)).toEqual([
      expect.stringContaining('vpn.users.bob.name: the uid "Alice" is that of "alice" too'),
    ]);
  });

  test("users on a hypervisor", () => {
    const config = {
      ...alice({}, { backend: "rack" }),
      backends: { rack: { kind: "libvirt" as const, uri: "qemu:///system" } },
    };
    expect(told({ ...config, networks: {} })).toEqual([expect.stringContaining("needs ldap or embedded")]);
  });
});
