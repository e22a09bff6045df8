import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { changesOf } from "../../../providers/core/change";
import { configure } from "../../../providers/core/settings";
import { childDn } from "../../../providers/ldap/dn";
import type { UserInputs, UserState } from "../../../providers/ldap/user";
import { userDefinition } from "../../../providers/ldap/user.handlers";
import { BASE, GROUPS, Lab, type Start, user, VPN } from "./lab";

const changed = (state: UserState | undefined, inputs: UserInputs): string[] =>
  changesOf(userDefinition as never, state as never, inputs as never).fields.map(({ field }) => field);

export function lifecycleSuite(start: Start): void {
  describe("the life of a user", () => {
    let lab: Lab;
    beforeAll(async () => {
      lab = new Lab(await start());
    });
    afterAll(() => lab.close());

    it("is added, logs in with the generated password, shows no change, and is removed with its group membership", async () => {
      const inputs = user("alice", { givenName: "Alice", mail: "alice@lab.example" });
      expect(await lab.precheck(inputs)).toEqual([]);
      const { state } = await lab.up(inputs);
      const dn = `uid=alice,${BASE}`;
      expect(state.generatedPassword).toMatch(/^[A-Za-z2-9]{24}$/);
      expect(await lab.logsIn(dn, state.generatedPassword)).toBe(true);
      expect(await lab.isIn(dn)).toBe(true);
      expect(changed(await lab.refresh(state), inputs)).toEqual([]);
      await lab.destroy(state);
      expect(await lab.entry(dn)).toBeUndefined();
      expect(await lab.isIn(dn)).toBe(false);
      await lab.destroy(state);
    });

    it("trap ldap-vpn#7: the password is set by the server's own operation and kept as a hash", async () => {
      const { state } = await lab.up(user("hashed"));
      const [stored = ""] = (await lab.entry(state.dn))?.values("userPassword") ?? [];
      expect(stored).toMatch(/^\{(SSHA|PBKDF2-SHA256)\}/);
      expect(stored).not.toContain(state.generatedPassword);
    });

    it("trap ldap-vpn#8: an unchanged passwordVersion keeps the password, a higher one gives another", async () => {
      const inputs = user("rotated");
      const first = await lab.up(inputs);
      const same = await lab.up({ ...inputs, sn: "Other" }, first.state);
      expect(same.state.generatedPassword).toBe(first.state.generatedPassword);
      expect(await lab.logsIn(first.state.dn, first.state.generatedPassword)).toBe(true);
      const next = await lab.up({ ...inputs, passwordVersion: 2 }, same.state);
      expect(next.state.generatedPassword).not.toBe(first.state.generatedPassword);
      expect(await lab.logsIn(first.state.dn, next.state.generatedPassword)).toBe(true);
      expect(await lab.logsIn(first.state.dn, first.state.generatedPassword)).toBe(false);
    });

    it("takes a password by name, keeps it out of the state, and goes back to a generated one", async () => {
      const secrets = { hers: "correct horse battery" };
      const inputs = user("given", { password: { secret: "hers" } });
      const { state } = await lab.up(inputs, undefined, { secrets });
      expect(await lab.logsIn(state.dn, secrets.hers)).toBe(true);
      expect(JSON.stringify(state)).not.toContain(secrets.hers);
      const { password: _, ...without } = inputs;
      const generated = await lab.up(without, state);
      expect(await lab.logsIn(state.dn, generated.state.generatedPassword)).toBe(true);
      const back = await lab.up(inputs, generated.state, { secrets });
      expect(back.state.generatedPassword).toBeUndefined();
      expect(await lab.logsIn(state.dn, secrets.hers)).toBe(true);
    });

    it("trap ldap-vpn#34: binds as no root DN, so a weak password is refused by the policy, in words", async () => {
      const inputs = user("weak", { password: { secret: "hers" } });
      await expect(lab.up(inputs, undefined, { secrets: { hers: "short" } })).rejects.toThrow(
        /refused the password of uid=weak.*password policy/,
      );
    });

    it("edits attributes in place, takes away what is no longer set, and leaves what nobody asked for", async () => {
      const inputs = user("edited", { givenName: "Ed", mail: "ed@lab.example" });
      const { state } = await lab.up(inputs);
      const before = await lab.entry(state.dn);
      await lab.directory.modify(state.dn, [
        { operation: "replace", attribute: "description", values: ["by hand"] },
        { operation: "replace", attribute: "sn", values: ["Drifted"] },
      ]);
      expect(changed(await lab.refresh(state), inputs)).toEqual(["sn"]);
      const { mail: _, ...without } = inputs;
      const edited = await lab.up({ ...without, cn: "Ed Edited" }, state);
      const entry = await lab.entry(state.dn);
      expect(entry?.values("mail")).toEqual([]);
      expect(entry?.values("cn")).toEqual(["Ed Edited"]);
      expect(entry?.values("sn")).toEqual(["Ames"]);
      expect(entry?.values("description")).toEqual(["by hand"]);
      expect(entry?.values("entryUUID")).toEqual(before?.values("entryUUID"));
      expect(edited.state.generatedPassword).toBe(state.generatedPassword);
    });

    it("renames in place: same entry, same password, new name in the groups", async () => {
      const inputs = user("bilbo");
      const { state } = await lab.up(inputs);
      const uuid = (await lab.entry(state.dn))?.values("entryUUID");
      const renamed = { ...inputs, uid: "frodo" };
      const { state: after } = await lab.up(renamed, state, { name: "bilbo" });
      expect(after.dn).toBe(`uid=frodo,${BASE}`);
      expect((await lab.entry(after.dn))?.values("entryUUID")).toEqual(uuid);
      expect(await lab.entry(state.dn)).toBeUndefined();
      expect(await lab.isIn(after.dn)).toBe(true);
      expect(await lab.isIn(state.dn)).toBe(false);
      expect(await lab.logsIn(after.dn, state.generatedPassword)).toBe(true);
      expect(after.generatedPassword).toBe(state.generatedPassword);
      expect(changed(await lab.refresh(after, { name: "bilbo" }), renamed)).toEqual([]);
    });

    it("refuses to rename onto a name that is taken, at that DN or elsewhere below the base", async () => {
      const { state } = await lab.up(user("climber"));
      await lab.foreign("summit");
      await expect(lab.up(user("summit"), state, { name: "climber" })).rejects.toThrow(
        /has this uid already/,
      );
      expect(await lab.logsIn(state.dn, state.generatedPassword)).toBe(true);
    });

    it("a change of case alone renames nothing", async () => {
      const inputs = user("Cased");
      const { state } = await lab.up(inputs);
      const lower = { ...inputs, uid: "cased", base: "OU=people, DC=LAB" };
      expect(changed(await lab.refresh({ ...state, ...lower }, { name: "Cased" }), lower)).toEqual([]);
      await lab.up(lower, state, { name: "Cased" });
      expect((await lab.entry(state.dn))?.dn).toBe(state.dn);
    });

    it("moves to another base in place", async () => {
      await lab.directory.add("ou=Guests,dc=lab", { objectClass: ["organizationalUnit"], ou: ["Guests"] });
      const inputs = user("mover");
      const { state } = await lab.up(inputs);
      const { state: moved } = await lab.up({ ...inputs, base: "ou=Guests,dc=lab" }, state);
      expect(moved.dn).toBe("uid=mover,ou=Guests,dc=lab");
      expect(await lab.isIn(moved.dn)).toBe(true);
      expect(await lab.logsIn(moved.dn, state.generatedPassword)).toBe(true);
    });

    it("keeps its entry when its logical name changes (formerly)", async () => {
      const inputs = user("gollum");
      const { state } = await lab.up(inputs, undefined, { name: "smeagol" });
      const { state: after } = await lab.up(inputs, state, { name: "gollum" });
      expect(after.generatedPassword).toBe(state.generatedPassword);
      expect((await lab.entry(after.dn))?.values("labeledURI")).toContain(
        "labplan:k3v9q2x7/dev/gollum managed by labplan",
      );
      expect((await lab.entry(after.dn))?.values("labeledURI").join()).not.toContain("smeagol");
      await lab.destroy(after, { name: "gollum" });
      expect(await lab.entry(after.dn)).toBeUndefined();
    });

    it("finds its entry by the mark when someone renamed it by hand, and names it back", async () => {
      const inputs = user("wanderer");
      const { state } = await lab.up(inputs);
      await lab.directory.rename(state.dn, `uid=elsewhere,${BASE}`);
      expect(changed(await lab.refresh(state), inputs)).toEqual(["uid", "groups"]);
      await lab.up(inputs, state);
      expect(await lab.entry(state.dn)).toBeDefined();
      expect(await lab.entry(`uid=elsewhere,${BASE}`)).toBeUndefined();
    });

    it("is in groups of each kind, and leaves those that are no longer named", async () => {
      const names = await lab.group("names", "groupOfNames");
      const posix = await lab.group("posix", "posixGroup", []);
      const inputs = user("joiner", { groups: [VPN, names, posix] });
      const { state } = await lab.up(inputs);
      expect(await lab.members(posix)).toEqual(["joiner"]);
      expect(await lab.isIn(state.dn, names)).toBe(true);
      expect(changed(await lab.refresh(state), inputs)).toEqual([]);
      const { state: fewer } = await lab.up({ ...inputs, groups: [names] }, state);
      expect(await lab.members(posix)).toEqual([]);
      expect(await lab.isIn(state.dn)).toBe(false);
      expect(await lab.isIn(state.dn, names)).toBe(true);
      await lab.destroy(fewer);
      expect(await lab.isIn(state.dn, names)).toBe(false);
    });

    it("is put back into a group that someone took it out of", async () => {
      const inputs = user("evicted");
      const { state } = await lab.up(inputs);
      await lab.directory.modify(VPN, [
        { operation: "delete", attribute: "uniqueMember", values: [state.dn] },
      ]);
      expect(changed(await lab.refresh(state), inputs)).toEqual(["groups"]);
      await lab.up(inputs, state);
      expect(await lab.isIn(state.dn)).toBe(true);
    });

    it("trap ldap-vpn#15: the last member of a group cannot leave: it is told, and can no longer log in", async () => {
      const group = await lab.group("lonely", "groupOfUniqueNames");
      const { state } = await lab.up(user("lonely", { groups: [group] }));
      const placeholder = lab.system.endpoint.bindDn;
      await lab.directory.modify(group, [
        { operation: "delete", attribute: "uniqueMember", values: [placeholder] },
      ]);
      await expect(lab.destroy(state)).rejects.toThrow(/last member of cn=lonely.*Add another member/);
      expect(await lab.entry(state.dn)).toBeDefined();
      expect(await lab.logsIn(state.dn, state.generatedPassword)).toBe(false);
      await lab.directory.modify(group, [
        { operation: "add", attribute: "uniqueMember", values: [placeholder] },
      ]);
      await lab.destroy(state);
      expect(await lab.entry(state.dn)).toBeUndefined();
      expect(await lab.members(group)).toEqual([placeholder]);
    });

    it("has names with every special character", async () => {
      const uids = [
        "a,b",
        "x+y=z",
        'q"uote',
        "back\\slash\\",
        "#hash",
        "angle<>;",
        "ünïcödé 木",
        "sp  ace",
        "s(t)a*r",
        "per%cent/slash",
      ];
      for (const uid of uids) {
        const inputs = user(uid);
        expect(await lab.precheck(inputs), uid).toEqual([]);
        const { state } = await lab.up(inputs);
        expect(await lab.logsIn(childDn("uid", uid, BASE), state.generatedPassword), uid).toBe(true);
        expect(changed(await lab.refresh(state), inputs), uid).toEqual([]);
        const renamed = { ...inputs, uid: `${uid},2` };
        const { state: after } = await lab.up(renamed, state, { name: uid });
        expect((await lab.entry(after.dn))?.values("uid"), uid).toEqual([`${uid},2`]);
        expect(await lab.isIn(after.dn), uid).toBe(true);
        await lab.destroy(after, { name: uid });
        expect(await lab.entry(after.dn), uid).toBeUndefined();
        expect(await lab.isIn(after.dn), uid).toBe(false);
      }
    });

    it("trap ldap-vpn#5: classes in any order make one structural chain; two chains and posixAccount are refused in the preview", async () => {
      const { state } = await lab.up(user("pippin", { objectClasses: ["inetOrgPerson", "top"] }));
      expect((await lab.entry(state.dn))?.values("objectClass")).toEqual(["inetOrgPerson", "top"]);
      expect(await lab.precheck(user("two", { objectClasses: ["inetOrgPerson", "account"] }))).toEqual([
        expect.stringContaining("exactly one structural chain"),
      ]);
      expect(await lab.precheck(user("posix", { objectClasses: ["inetOrgPerson", "posixAccount"] }))).toEqual(
        [expect.stringContaining("requires uidNumber, gidNumber and homeDirectory")],
      );
      expect(await lab.precheck(user("none", { objectClasses: ["top", "person"] }))).toEqual([
        expect.stringContaining("must name inetOrgPerson"),
      ]);
      await expect(
        lab.up(user("unknown", { objectClasses: ["inetOrgPerson", "noSuchClass"] })),
      ).rejects.toThrow(/refused to add uid=unknown/);
    });

    it("adds and takes away an auxiliary class in place", async () => {
      const inputs = user("classy");
      const { state } = await lab.up(inputs);
      const more = { ...inputs, objectClasses: [...inputs.objectClasses, "shadowAccount"] };
      const { state: with_ } = await lab.up(more, state);
      expect((await lab.entry(state.dn))?.values("objectClass")).toContain("shadowAccount");
      await lab.up(inputs, with_);
      expect((await lab.entry(state.dn))?.values("objectClass")).not.toContain("shadowAccount");
    });

    it("is told of a missing parent and a missing group before anything is made, and at the latest when it is", async () => {
      const nowhere = user("orphan", { base: "ou=Nowhere,dc=lab" });
      expect(await lab.precheck(nowhere)).toEqual([
        expect.stringMatching(/^base: ou=Nowhere,dc=lab: no such entry/),
      ]);
      await expect(lab.up(nowhere)).rejects.toThrow(/its parent entry does not exist/);
      const ghost = user("ghost", { groups: [`cn=ghosts,${GROUPS}`] });
      expect(await lab.precheck(ghost)).toEqual([
        expect.stringContaining("the group cn=ghosts,ou=Groups,dc=lab does not exist"),
      ]);
      expect(await lab.precheck(user("mason", { groups: [BASE] }))).toEqual([
        expect.stringContaining("is no group"),
      ]);
    });

    it("is gone when someone deleted it, and is made again", async () => {
      const inputs = user("deleted");
      const { state } = await lab.up(inputs);
      await lab.directory.delete(state.dn);
      expect(await lab.refresh(state)).toBeUndefined();
      const { state: again } = await lab.up(inputs, state);
      expect(await lab.logsIn(again.dn, again.generatedPassword)).toBe(true);
      await lab.directory.delete(again.dn);
      await lab.destroy(again);
      expect(await lab.isIn(again.dn)).toBe(false);
    });

    it("permanent users are never created, changed, adopted or deleted, even if marked", async () => {
      const made = await lab.up(user("root"));
      const before = await lab.everything();
      const permanent = ["ROOT"];
      await expect(lab.up(user("root", { permanent, sn: "Changed" }), made.state)).rejects.toThrow(
        /permanent/,
      );
      await expect(lab.up(user("boss", { permanent }), made.state, { name: "root" })).rejects.toThrow(
        /permanent/,
      );
      expect(await lab.precheck(user("root", { permanent, adopt: true }))).toEqual([
        expect.stringContaining("permanent"),
      ]);
      expect((await lab.destroy({ ...made.state, permanent })).join()).toContain("left as it is");
      // Made permanent in the same edit that took it out of the users: only the config knows.
      configure({ get: (key) => (key === "labplan:vpn" ? JSON.stringify({ permanent }) : undefined) });
      try {
        expect((await lab.destroy(made.state)).join()).toContain("left as it is");
        await expect(lab.up(user("root", { sn: "Changed" }), made.state)).rejects.toThrow(/permanent/);
      } finally {
        configure({ get: () => undefined });
      }
      expect(await lab.everything()).toEqual(before);
    });

    it("trap ldap-vpn#21: permanent names are whole names: `roo` does not protect `root`, nor `root` `rooted`", async () => {
      const inputs = user("rooted", { permanent: ["root", "roo", "ted"] });
      const { state } = await lab.up(inputs);
      await lab.destroy(state);
      expect(await lab.entry(state.dn)).toBeUndefined();
    });
  });
}
