import * as fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { childDn, dnKey } from "../../../providers/ldap/dn";
import type { UserState } from "../../../providers/ldap/user";
import { userDefinition } from "../../../providers/ldap/user.handlers";
import { BASE, Lab, type Start, user, VPN } from "./lab";

const OTHER_LAB = "labplan:otherlab/dev/thief managed by labplan";

export function foreignSuite(start: Start): void {
  describe("what is not ours", () => {
    let lab: Lab;
    beforeAll(async () => {
      lab = new Lab(await start());
    });
    afterAll(() => lab.close());

    it("trap ldap-vpn#19: a foreign entry of the planned name is found in the preview and never touched", async () => {
      const dn = await lab.foreign("taken", { labeledURI: ["https://example.org Home page"] });
      const before = await lab.everything();
      const inputs = user("Taken");
      expect(await lab.precheck(inputs)).toEqual([
        expect.stringMatching(/uid: uid=taken,.* was not made by this stack; it is not touched.*adopt: true/),
      ]);
      await expect(lab.up(inputs)).rejects.toThrow(/was not made by this stack/);
      const state: UserState = { ...inputs, dn, locked: false, mark: "k3v9q2x7/dev/Taken" };
      expect((await lab.destroy(state)).join()).toContain("does not carry our mark");
      expect(await lab.refresh(state)).toBeUndefined();
      expect(await lab.everything()).toEqual(before);
    });

    it("an entry with that uid under another name is found too", async () => {
      await lab.directory.add(`cn=Ann,${BASE}`, {
        objectClass: ["inetOrgPerson"],
        cn: ["Ann"],
        sn: ["A"],
        uid: ["ann"],
      });
      expect(await lab.precheck(user("ann"))).toEqual([
        expect.stringMatching(/cn=Ann,.* has this uid already/),
      ]);
    });

    it("another lab's entry is not even adopted", async () => {
      const dn = await lab.foreign("thief", { labeledURI: [OTHER_LAB] });
      const before = await lab.entry(dn);
      const inputs = user("thief", { adopt: true });
      expect(await lab.precheck(inputs)).toEqual([
        expect.stringContaining("belongs to another labplan resource (otherlab/dev/thief)"),
      ]);
      await expect(lab.up(inputs)).rejects.toThrow(/belongs to another labplan resource/);
      expect((await lab.entry(dn))?.values("modifyTimestamp")).toEqual(before?.values("modifyTimestamp"));
    });

    it("a note without the mark makes an entry nobody's", async () => {
      const dn = await lab.foreign("halfmark", {
        labeledURI: ["labplan:k3v9q2x7/dev/halfmark#password=00 managed by labplan"],
      });
      await expect(lab.up(user("halfmark"))).rejects.toThrow(/was not made by this stack/);
      await lab.destroy({ ...user("halfmark"), dn, locked: false, mark: "k3v9q2x7/dev/halfmark" });
      expect(await lab.entry(dn)).toBeDefined();
    });

    it("adopts on request, keeps the owner's password, and releases on destroy with settings kept", async () => {
      const dn = await lab.foreign("adopted", {
        mail: ["old@lab"],
        labeledURI: ["https://example.org Home"],
      });
      await lab.directory.setPassword(dn, "the-owners-own-password");
      const inputs = user("adopted", { adopt: true, sn: "Ours", passwordVersion: 1 });
      expect(await lab.precheck(inputs)).toEqual([]);
      const { state } = await lab.up(inputs);
      expect(state).toMatchObject({ adopted: true, appliedPasswordVersion: 1 });
      expect(state.generatedPassword).toBeUndefined();
      expect(await lab.logsIn(dn, "the-owners-own-password")).toBe(true);
      expect(await lab.isIn(dn)).toBe(true);
      expect((await lab.up(inputs, state)).state.generatedPassword).toBeUndefined();

      const { state: rotated } = await lab.up({ ...inputs, passwordVersion: 2 }, state);
      expect(await lab.logsIn(dn, rotated.generatedPassword)).toBe(true);
      expect((await lab.destroy(rotated)).join()).toContain("released");
      const entry = await lab.entry(dn);
      expect(entry?.values("labeledURI")).toEqual(["https://example.org Home"]);
      expect(entry?.values("sn")).toEqual(["Ours"]);
      expect(entry?.values("mail")).toEqual(["old@lab"]);
      expect(await lab.isIn(dn)).toBe(true);
    });

    it("deletes what it adopted only when told so", async () => {
      const dn = await lab.foreign("goner");
      const { state } = await lab.up(user("goner", { adopt: true, onDestroy: "delete" }));
      await lab.destroy(state);
      expect(await lab.entry(dn)).toBeUndefined();
    });

    it("an entry that replaced ours is not deleted, nor taken out of the groups", async () => {
      const { state } = await lab.up(user("replaced"));
      await lab.directory.delete(state.dn);
      await lab.foreign("replaced");
      await lab.destroy(state);
      expect(await lab.entry(state.dn)).toBeDefined();
      expect(await lab.isIn(state.dn)).toBe(true);
    });

    it("an entry of another lab that replaced ours is not ours either", async () => {
      const { state } = await lab.up(user("swapped"));
      await lab.directory.delete(state.dn);
      await lab.foreign("swapped", { labeledURI: [OTHER_LAB] });
      const before = await lab.everything();
      expect(await lab.refresh(state)).toBeUndefined();
      await expect(lab.up(user("swapped", { sn: "Changed" }), state)).rejects.toThrow(/belongs to another/);
      await lab.destroy(state);
      expect(await lab.everything()).toEqual(before);
    });

    it("an entry that carries a copy of our mark is told, not guessed at", async () => {
      const { state } = await lab.up(user("original"));
      await lab.foreign("copy", { labeledURI: ["labplan:k3v9q2x7/dev/original managed by labplan"] });
      await lab.up({ ...user("original"), cn: "Still fine" }, state);
      await lab.directory.rename(state.dn, `uid=hidden,${BASE}`);
      await expect(lab.up(user("original"), state)).rejects.toThrow(/carry the same mark/);
      await lab.directory.delete(`uid=copy,${BASE}`);
    });

    it("an edit fails at the server when the mark went away in the meantime", async () => {
      const { state } = await lab.up(user("stolen"));
      const modify = lab.directory.modify.bind(lab.directory);
      const run = lab.run("stolen");
      const observed = await userDefinition.observe(user("stolen"), run, state);
      const step = run.step;
      const late = {
        ...run,
        step: async <T>(title: string, work: () => Promise<T>): Promise<T> => {
          if (title.startsWith("3/"))
            await modify(state.dn, [{ operation: "delete", attribute: "labeledURI", values: [] }]);
          return step(title, work);
        },
      };
      await expect(
        userDefinition.reconcile(user("stolen", { sn: "Changed" }), observed, late),
      ).rejects.toThrow(/lost its mark/);
      expect((await lab.entry(state.dn))?.values("sn")).toEqual(["Ames"]);
    });

    it("no config changes a foreign entry, in generated directories", async () => {
      const uid = fc.constantFrom("ann", "bob", "Carl", "d,e", "root", "ünï", "f+g", "h i");
      const mark = fc.constantFrom<string[]>(
        [],
        [OTHER_LAB],
        ["labplan:k3v9q2x7/prod/ann managed by labplan"],
        ["labplan:k3v9q2x7/dev/annex managed by labplan"],
        ["labplan:k3v9q2x7/dev/ann#adopted managed by labplan"],
        ["labplan:k3v9q2x7/dev/ann"],
        ["LABPLAN:k3v9q2x7/dev/ann managed by labplan"],
        ["https://example.org labplan"],
      );
      const foreign = fc.uniqueArray(fc.record({ uid, mark }), { selector: (one) => one.uid, maxLength: 5 });
      const planned = fc.uniqueArray(
        fc.record({
          uid,
          passwordVersion: fc.integer({ min: 1, max: 2 }),
          expired: fc.boolean(),
          inGroup: fc.boolean(),
          crashAt: fc.option(fc.integer({ min: 1, max: 7 }), { nil: undefined }),
          permanent: fc.constantFrom<string[]>([], ["root"], ["ann", "BOB"]),
          rename: fc.option(uid, { nil: undefined }),
        }),
        { selector: (one) => one.uid, minLength: 1, maxLength: 4 },
      );
      let round = 0;
      await fc.assert(
        fc.asyncProperty(foreign, planned, async (strangers, users) => {
          const base = `ou=Round${++round},dc=lab`;
          await lab.directory.add(base, { objectClass: ["organizationalUnit"], ou: [`Round${round}`] });
          for (const stranger of strangers) {
            const labeledURI = stranger.mark.length > 0 ? { labeledURI: stranger.mark } : {};
            const dn = childDn("uid", stranger.uid, base);
            await lab.directory.add(dn, {
              objectClass: ["inetOrgPerson"],
              uid: [stranger.uid],
              cn: ["x"],
              sn: ["x"],
              ...labeledURI,
            });
            await lab.directory.modify(VPN, [{ operation: "add", attribute: "uniqueMember", values: [dn] }]);
          }
          const before = await lab.everything(base);
          const membersBefore = await lab.members();
          const ours = new Set<string>();
          const states: [UserState, string][] = [];
          for (const { rename, inGroup, crashAt, ...wish } of users) {
            const { uid: name } = wish;
            const inputs = user(name, { ...wish, base, groups: inGroup ? [VPN] : [] });
            let state: UserState | undefined;
            const attempt = async (wanted: typeof inputs, options: { crashAt?: number }) => {
              try {
                ({ state } = await lab.up(wanted, state, { name, ...options }));
              } catch (error) {
                state = (error as { partial?: UserState }).partial ?? state;
              }
              if (state) ours.add(dnKey(state.dn));
            };
            await attempt(inputs, crashAt === undefined ? {} : { crashAt });
            await attempt(inputs, {});
            if (rename) await attempt({ ...inputs, uid: rename }, {});
            if (state) states.push([state, name]);
          }
          const untouched = async () => {
            const after = await lab.everything(base);
            for (const [dn, values] of Object.entries(before)) expect(after[dn]).toEqual(values);
            const members = await lab.members();
            for (const one of membersBefore) expect(members).toContain(one);
          };
          await untouched();
          for (const [state, name] of states) await lab.destroy(state, { name });
          await untouched();
          const left = Object.keys(await lab.everything(base)).map(dnKey);
          const permanent = new Set(
            users.flatMap((one) => one.permanent.map((name) => dnKey(childDn("uid", name, base)))),
          );
          expect(left.filter((dn) => ours.has(dn) && !permanent.has(dn))).toEqual([]);
        }),
        { numRuns: 25 },
      );
    });
  });
}
