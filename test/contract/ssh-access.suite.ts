import { afterAll, beforeAll, describe, it } from "vitest";
import { crashSuite } from "./ssh-access.crash.suite";
import { keysSuite } from "./ssh-access.keys.suite";
import { type AccessSystem, Machine } from "./ssh-access.lab";
import { passwordSuite } from "./ssh-access.password.suite";
import { realSuite } from "./ssh-access.real.suite";

export interface Given {
  machine: () => Machine;
  /** A test of the suite; skipped with the reason where the system cannot be had. */
  test: (title: string, work: () => Promise<void>, options?: { needs?: "real" | "sudo" }) => void;
}

/** What holds for access on every machine, real or embedded. `start` may answer why there is none. */
export function accessContract(
  title: string,
  start: () => Promise<AccessSystem | string>,
  reason?: string,
): void {
  describe.skipIf(reason && !process.env.CI)(
    `access on ${title}${reason ? ` (not run: ${reason})` : ""}`,
    () => {
      let machine: Machine;
      let missing: string | undefined;
      beforeAll(async () => {
        const system = await start();
        if (typeof system === "string") missing = system;
        else machine = new Machine(system);
      });
      afterAll(() => machine?.close());

      const test: Given["test"] = (name, work, { needs } = {}) =>
        it(name, async (context) => {
          const why =
            missing ??
            (needs && !machine.system.isReal ? "a sandbox has one user and no PAM" : undefined) ??
            (needs === "sudo" ? machine.system.noSudo : undefined);
          if (why) context.skip(why);
          await work();
        });
      const given: Given = { machine: () => machine, test };
      keysSuite(given);
      passwordSuite(given);
      crashSuite(given);
      realSuite(given);
    },
  );
}
