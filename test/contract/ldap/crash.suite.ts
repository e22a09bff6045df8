import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from "vitest";
import { closeDirectories } from "../../../providers/ldap/backend";
import { Directory } from "../../../providers/ldap/client";
import { failure } from "../../../providers/ldap/errors";
import type { UserInputs, UserState } from "../../../providers/ldap/user";
import { endState, Lab, type Start, type Up, UpFailed, user, VPN } from "./lab";

const STEPS = 7;
const WRITES = ["add", "modify", "rename", "delete", "setPassword"] as const;

/** Make the `nth` write of this process fail: before the server sees it, or after, as when its answer is lost. */
function failWrite(nth: number, when: "before" | "after"): { reached: () => boolean } {
  let count = 0;
  for (const name of WRITES) {
    const real = Directory.prototype[name] as (...args: never[]) => Promise<unknown>;
    vi.spyOn(Directory.prototype, name as "add").mockImplementation(async function (
      this: Directory,
      ...args: unknown[]
    ) {
      const ours = ++count === nth;
      if (ours && when === "before") throw new Error(`write ${nth} not sent`);
      const result = await real.apply(this, args as never[]);
      if (ours) throw failure("late", { url: "ldap://x", action: "change" });
      return result as never;
    });
  }
  return { reached: () => count >= nth };
}

interface Scenario {
  title: string;
  /** What is there before, as inputs of an `up` that went well. */
  before?: (uid: string) => UserInputs;
  wanted: (uid: string) => UserInputs;
  foreign?: boolean;
}

const scenarios: Scenario[] = [
  { title: "create", wanted: (uid) => user(uid, { mail: "m@lab", until: "2036-01-01T00:00Z" }) },
  { title: "adopt", foreign: true, wanted: (uid) => user(uid, { adopt: true, passwordVersion: 2 }) },
  {
    title: "rename, rotate and edit",
    before: (uid) => user(uid),
    wanted: (uid) => user(`${uid}-new`, { sn: "Changed", passwordVersion: 2 }),
  },
  {
    title: "end of access",
    before: (uid) => user(uid, { until: "2036-01-01T00:00Z" }),
    wanted: (uid) => user(uid, { until: "2020-01-01T00:00Z", expired: true }),
  },
  {
    title: "extension",
    before: (uid) => user(uid, { until: "2020-01-01T00:00Z", expired: true }),
    wanted: (uid) => user(uid, { until: "2036-01-01T00:00Z" }),
  },
];

export function crashSuite(start: Start): void {
  describe("stopped in the middle and run again", () => {
    let lab: Lab;
    beforeAll(async () => {
      lab = new Lab(await start());
    });
    afterAll(() => lab.close());
    afterEach(() => {
      vi.restoreAllMocks();
    });

    let serial = 0;
    /** Everything that a scenario begins with, under a name of its own. */
    async function begin(scenario: Scenario): Promise<{ uid: string; options: Up; state?: UserState }> {
      const uid = `crash${++serial}`;
      const options = { name: uid };
      if (scenario.foreign) await lab.foreign(uid);
      if (!scenario.before) return { uid, options };
      return { uid, options, state: (await lab.up(scenario.before(uid), undefined, options)).state };
    }

    const anonymous = (end: unknown, uid: string) => JSON.parse(JSON.stringify(end).replaceAll(uid, "UID"));

    async function cleanEnd(scenario: Scenario): Promise<unknown> {
      const { uid, options, state } = await begin(scenario);
      const done = await lab.up(scenario.wanted(uid), state, options);
      return anonymous(await endState(lab, done.state.dn), uid);
    }

    /** Run again until it goes well, from what the engine has: the partial state, or (killed) the one before. */
    async function resume(
      scenario: Scenario,
      clean: unknown,
      crash: (uid: string, state: UserState | undefined, options: Up) => Promise<unknown>,
      killed: boolean,
    ): Promise<void> {
      const { uid, options, state } = await begin(scenario);
      const failed = await crash(uid, state, options);
      const known = !killed && failed instanceof UpFailed ? failed.partial : state;
      const inputs = scenario.wanted(uid);
      const done = await lab.up(inputs, known, options);
      expect(anonymous(await endState(lab, done.state.dn), uid)).toEqual(clean);
      if (state && state.dn !== done.state.dn) {
        expect(await lab.entry(state.dn)).toBeUndefined();
        expect(await lab.isIn(state.dn)).toBe(false);
      }
      if (!inputs.expired) expect(await lab.logsIn(done.state.dn, done.state.generatedPassword)).toBe(true);
      if (state?.generatedPassword && state.generatedPassword !== done.state.generatedPassword)
        expect(await lab.logsIn(done.state.dn, state.generatedPassword)).toBe(false);
      // And then it is at rest.
      expect(await lab.refresh(done.state, options)).toEqual(done.state);
      await lab.destroy({ ...done.state, onDestroy: "delete" }, options);
    }

    for (const scenario of scenarios)
      for (const killed of [false, true]) {
        const how = killed ? "killed, nothing saved" : "failed, partial state saved";
        it(`${scenario.title}: at each step, ${how}`, async () => {
          const clean = await cleanEnd(scenario);
          for (let crashAt = 1; crashAt <= STEPS; crashAt++)
            await resume(
              scenario,
              clean,
              (uid, state, options) =>
                lab.up(scenario.wanted(uid), state, { ...options, crashAt }).then(
                  () => {
                    throw new Error(`did not stop at step ${crashAt}`);
                  },
                  (error: unknown) => error,
                ),
              killed,
            );
        });

        for (const when of ["before", "after"] as const)
          it(`${scenario.title}: ${when} each write, ${how}`, async () => {
            const clean = await cleanEnd(scenario);
            let reached = true;
            let write = 1;
            for (; reached; write++) {
              await resume(
                scenario,
                clean,
                async (uid, state, options) => {
                  const fault = failWrite(write, when);
                  try {
                    return await lab
                      .up(scenario.wanted(uid), state, options)
                      .catch((error: unknown) => error);
                  } finally {
                    reached = fault.reached();
                    vi.restoreAllMocks();
                  }
                },
                killed,
              );
            }
            expect(write).toBeGreaterThan(3);
          });
      }

    it("a user that was half made is in the state, so that a later edit can remove it", async () => {
      for (let crashAt = 2; crashAt <= STEPS; crashAt++) {
        const failed = await lab
          .up(user(`half${crashAt}`), undefined, { crashAt })
          .catch((error: unknown) => error);
        const { partial } = failed as UpFailed;
        expect(partial?.dn).toBe(`uid=half${crashAt},ou=People,dc=lab`);
        await lab.destroy(partial as UserState);
        expect(await lab.entry(partial?.dn ?? "")).toBeUndefined();
      }
      const lost = failWrite(1, "after");
      const failed = await lab.up(user("half0")).catch((error: unknown) => error);
      expect(lost.reached()).toBe(true);
      vi.restoreAllMocks();
      expect(await lab.entry("uid=half0,ou=People,dc=lab")).toBeDefined();
      expect((failed as UpFailed).partial?.dn).toBeDefined();
    });

    it("a rotation that was begun and then withdrawn leaves a password that works", async () => {
      const inputs = user("withdrawn");
      const { state } = await lab.up(inputs);
      const fault = failWrite(2, "after");
      const failed = await lab.up({ ...inputs, passwordVersion: 2 }, state).catch((error: unknown) => error);
      expect(fault.reached()).toBe(true);
      vi.restoreAllMocks();
      expect(failed).toBeInstanceOf(UpFailed);
      // The server has a password that nobody knows; the state's is not the one in force.
      expect(await lab.logsIn(state.dn, state.generatedPassword)).toBe(false);
      expect((await lab.refresh(state))?.passwordVersion).toBe(0);
      const { state: again } = await lab.up(inputs, state);
      expect(await lab.logsIn(again.dn, again.generatedPassword)).toBe(true);
    });

    it("an extension that was begun and then withdrawn ends access again", async () => {
      for (const killed of [false, true]) {
        const past = user(`extended${killed}`, { until: "2020-01-01T00:00Z", expired: true });
        const { state } = await lab.up(past);
        // After the new password was set, before the lock is off.
        const failed = await lab
          .up({ ...past, until: "2036-01-01T00:00Z", expired: false }, state, { crashAt: 6 })
          .catch((error: unknown) => error as UpFailed);
        const partial = (failed as UpFailed).partial;
        expect(await lab.logsIn(state.dn, partial?.generatedPassword)).toBe(true);
        const { state: ended } = await lab.up(past, killed ? state : partial);
        expect(await lab.logsIn(state.dn, partial?.generatedPassword)).toBe(false);
        expect(ended.generatedPassword).toBeUndefined();
        expect(await lab.isIn(state.dn)).toBe(false);
      }
    });

    it("a group that was joined by a killed run, and then taken out of the config, is left", async () => {
      const other = await lab.group("shortlived", "groupOfUniqueNames");
      const inputs = user("fickle", { groups: [VPN] });
      const { state } = await lab.up(inputs);
      await lab.up({ ...inputs, groups: [VPN, other] }, state, { crashAt: STEPS }).catch(() => {});
      expect(await lab.isIn(state.dn, other)).toBe(true);
      await lab.up({ ...inputs, cn: "Other" }, state);
      expect(await lab.isIn(state.dn, other)).toBe(false);
    });

    it("a removal is repeated from wherever it stopped", async () => {
      for (let write = 1; write <= 3; write++)
        for (const when of ["before", "after"] as const) {
          const { state } = await lab.up(user(`removed${write}${when}`));
          failWrite(write, when);
          await lab.destroy(state).catch(() => {});
          vi.restoreAllMocks();
          await lab.destroy(state);
          expect(await lab.entry(state.dn)).toBeUndefined();
          expect(await lab.isIn(state.dn)).toBe(false);
        }
      await closeDirectories();
    });
  });
}
