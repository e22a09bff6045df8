import { AndFilter, EqualityFilter } from "ldapts";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { changesOf, sentence } from "../../../providers/core/change";
import { Directory } from "../../../providers/ldap/client";
import type { UserInputs, UserState } from "../../../providers/ldap/user";
import { userDefinition } from "../../../providers/ldap/user.handlers";
import { BASE, Lab, type Policy, type Start, user, VPN } from "./lab";

const PAST = "2020-01-01T00:00Z";
const FUTURE = "2036-12-24T18:00Z";

const changed = (state: UserState | undefined, inputs: UserInputs): string[] =>
  changesOf(userDefinition as never, state as never, inputs as never).fields.map(({ field }) => field);

export function accessSuite(start: Start): void {
  for (const policy of ["enforced", "ignored", "absent"] satisfies Policy[])
    describe(`the end of access, password policy ${policy}`, () => {
      let lab: Lab;
      beforeAll(async () => {
        lab = new Lab(await start({ policy }));
      });
      afterAll(() => lab.close());

      it(`trap ldap-vpn#9: \`until\` is written as pwdEndTime where the server has one${policy === "enforced" ? ", and ends logins by itself" : ", and is said not to act by itself"}`, async () => {
        const inputs = user("until", { until: FUTURE });
        const { state, says } = await lab.up(inputs);
        const end = (await lab.entry(state.dn))?.values("pwdEndTime");
        expect(end).toEqual(policy === "absent" ? [] : ["20361224180000Z"]);
        expect(says.some((line) => line.includes("shows no password policy"))).toBe(policy !== "enforced");
        expect(await lab.logsIn(state.dn, state.generatedPassword)).toBe(true);
        expect(changed(await lab.refresh(state), inputs)).toEqual([]);

        const { state: past } = await lab.up({ ...inputs, until: PAST }, state);
        expect(await lab.logsIn(past.dn, state.generatedPassword)).toBe(policy !== "enforced");
        const { until: _, ...open } = inputs;
        const { state: free } = await lab.up(open, past);
        expect((await lab.entry(state.dn))?.values("pwdEndTime")).toEqual([]);
        expect(await lab.logsIn(free.dn, state.generatedPassword)).toBe(true);
      });

      it("trap ldap-vpn#11: past the end nobody logs in, whether or not the server heeds its lock", async () => {
        const inputs = user("ended", { until: FUTURE });
        const { state } = await lab.up(inputs);
        const expired = { ...inputs, until: PAST, expired: true };
        const { state: locked, says } = await lab.up(expired, state);
        expect(says.join()).toMatch(/access ended at 2020.*can go on until its renegotiation/);
        expect(await lab.logsIn(state.dn, state.generatedPassword)).toBe(false);
        expect(await lab.isIn(state.dn)).toBe(false);
        expect(locked).toMatchObject({ locked: true, expired: true });
        expect(locked.generatedPassword).toBeUndefined();
        const entry = await lab.entry(state.dn);
        expect(entry?.values("pwdAccountLockedTime")).toEqual(policy === "absent" ? [] : ["000001010000Z"]);
        expect(changed(await lab.refresh(locked), expired)).toEqual([]);
        // Again: nothing to do, nothing said.
        expect((await lab.up(expired, locked)).says).toEqual([]);

        const longer = { ...inputs, until: FUTURE };
        const { state: open } = await lab.up(longer, locked);
        expect(open.generatedPassword).toMatch(/^.{24}$/);
        expect(open.generatedPassword).not.toBe(state.generatedPassword);
        expect(await lab.logsIn(state.dn, open.generatedPassword)).toBe(true);
        expect(await lab.logsIn(state.dn, state.generatedPassword)).toBe(false);
        expect(await lab.isIn(state.dn)).toBe(true);
        expect(open.locked).toBe(false);
        expect(changed(await lab.refresh(open), longer)).toEqual([]);
      });

      it("someone who is past the end at the first `up` never gets in", async () => {
        const inputs = user("late", { until: PAST, expired: true });
        const { state } = await lab.up(inputs);
        expect(state.locked).toBe(true);
        expect(await lab.isIn(state.dn)).toBe(false);
        expect(changed(await lab.refresh(state), inputs)).toEqual([]);
        await lab.destroy(state);
      });

      it("is locked again when someone put it back into its groups or took the lock off", async () => {
        const inputs = user("returned", { until: PAST, expired: true });
        const { state } = await lab.up(inputs);
        await lab.directory.modify(VPN, [
          { operation: "add", attribute: "uniqueMember", values: [state.dn] },
        ]);
        expect(changed(await lab.refresh(state), inputs)).toEqual(["expired"]);
        await lab.up(inputs, state);
        expect(await lab.isIn(state.dn)).toBe(false);
        if (policy === "absent") return;
        await lab.directory.modify(state.dn, [
          { operation: "replace", attribute: "pwdAccountLockedTime", values: [] },
        ]);
        expect(changed(await lab.refresh(state), inputs)).toEqual(["expired"]);
        await lab.up(inputs, state);
        expect((await lab.entry(state.dn))?.values("pwdAccountLockedTime")).toEqual(["000001010000Z"]);
      });
    });

  describe("who may log in", () => {
    let lab: Lab;
    beforeAll(async () => {
      lab = new Lab(await start());
    });
    afterAll(() => lab.close());

    it("trap ldap-vpn#10: pwdAccountLockedTime locks at once", async () => {
      const { state } = await lab.up(user("locked"));
      const lock = (values: string[]) =>
        lab.directory.modify(state.dn, [{ operation: "replace", attribute: "pwdAccountLockedTime", values }]);
      await lock(["000001010000Z"]);
      expect(await lab.logsIn(state.dn, state.generatedPassword)).toBe(false);
      await lock([]);
      expect(await lab.logsIn(state.dn, state.generatedPassword)).toBe(true);
    });

    it("trap ldap-vpn#31: setting a password takes the lock off, so the lock is set after it", async () => {
      const { state } = await lab.up(user("order"));
      await lab.directory.modify(state.dn, [
        { operation: "replace", attribute: "pwdAccountLockedTime", values: ["000001010000Z"] },
      ]);
      await lab.directory.setPassword(state.dn, "another-long-password");
      expect((await lab.entry(state.dn))?.values("pwdAccountLockedTime")).toEqual([]);
      const { state: locked } = await lab.up({ ...user("order"), until: PAST, expired: true }, state);
      expect((await lab.entry(locked.dn))?.values("pwdAccountLockedTime")).toEqual(["000001010000Z"]);
    });

    it("a lock that an administrator set is not ours to take off", async () => {
      const inputs = user("banned");
      const { state } = await lab.up(inputs);
      await lab.directory.modify(state.dn, [
        { operation: "replace", attribute: "pwdAccountLockedTime", values: ["000001010000Z"] },
      ]);
      await lab.up({ ...inputs, cn: "Banned" }, state);
      expect((await lab.entry(state.dn))?.values("pwdAccountLockedTime")).toEqual(["000001010000Z"]);
    });

    it("trap ldap-vpn#16: the VPN's look-up by name and class finds one entry, and its DN and password log in", async () => {
      const { state } = await lab.up(user("vpnuser"));
      const filter = new AndFilter({
        filters: [
          new EqualityFilter({ attribute: "uid", value: "vpnuser" }),
          new EqualityFilter({ attribute: "objectClass", value: "inetOrgPerson" }),
        ],
      });
      const found = await lab.directory.search(BASE, { scope: "sub", filter, attributes: ["uid"] });
      expect(found).toHaveLength(1);
      expect(await lab.logsIn(found[0]?.dn ?? "", state.generatedPassword)).toBe(true);
    });

    it("trap ldap-vpn#17: a VPN group holds the full DN in uniqueMember", async () => {
      const { state } = await lab.up(user("member"));
      expect(await lab.members(VPN)).toContain(state.dn);
    });

    it("trap ldap-vpn#27: access ends although the group cannot be left", async () => {
      const group = await lab.group("stuck", "groupOfUniqueNames");
      const inputs = user("stuck", { groups: [group], until: FUTURE });
      const { state } = await lab.up(inputs);
      await lab.directory.modify(group, [
        { operation: "delete", attribute: "uniqueMember", values: [lab.system.endpoint.bindDn] },
      ]);
      const expired = { ...inputs, until: PAST, expired: true };
      const { state: locked, says } = await lab.up(expired, state);
      expect(says.join()).toMatch(/last member of cn=stuck/);
      expect(await lab.logsIn(state.dn, state.generatedPassword)).toBe(false);
      // The leftover is known and shown once, not at every preview.
      expect(changed(await lab.refresh(locked), expired)).toEqual([]);
    });

    it("trap ldap-vpn#18: the preview says that a live session can outlast the end", async () => {
      const inputs = user("session", { until: FUTURE });
      const { state } = await lab.up(inputs);
      const { fields } = changesOf(
        userDefinition as never,
        state as never,
        { ...inputs, until: PAST, expired: true } as never,
      );
      expect(fields.map(sentence).join()).toMatch(
        /expired false → true: live .*VPN session that is up can outlast it/,
      );
    });

    it("a user may change his own password; that is no drift and is kept", async () => {
      const inputs = user("selfmade");
      const { state } = await lab.up(inputs);
      const own = new Directory({
        ...lab.system.endpoint,
        bindDn: state.dn,
        password: state.generatedPassword,
      });
      await own.setPassword(state.dn, "my own long password");
      await own.close();
      expect(changed(await lab.refresh(state), inputs)).toEqual([]);
      await lab.up({ ...inputs, cn: "Self Made" }, state);
      expect(await lab.logsIn(state.dn, "my own long password")).toBe(true);
    });

    it("trap ldap-vpn#22: no password is in anything that is said, kept as a step's title, or thrown", async () => {
      const canary = "canary-password-that-is-long";
      const secrets = { hers: canary };
      const inputs = user("canary", { password: { secret: "hers" }, until: FUTURE });
      const first = await lab.up(inputs, undefined, { secrets });
      const second = await lab.up({ ...inputs, passwordVersion: 2 }, first.state, { secrets });
      const weak = await lab
        .up(user("canary2", { password: { secret: "hers" } }), undefined, { secrets: { hers: "canary" } })
        .then(
          () => "it was taken",
          (error: Error) => `${error.message} ${JSON.stringify(error)} ${error.cause}`,
        );
      expect(weak).toContain("password policy");
      expect(weak.replaceAll("canary2", "")).not.toContain("canary");
      expect(JSON.stringify([first, second])).not.toContain(canary);
      const generated = await lab.up(user("canary3"));
      const { generatedPassword = "", ...visible } = generated.state;
      expect(JSON.stringify([visible, generated.says, generated.steps])).not.toContain(generatedPassword);
      expect(userDefinition.secretOutputs).toContain("generatedPassword");
    });
  });
}
