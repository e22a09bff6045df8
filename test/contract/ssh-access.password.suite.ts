import { afterEach, describe, expect, vi } from "vitest";
import type { AccessState } from "../../providers/ssh/access";
import { newTrace } from "./libvirt-handlers.run";
import { Account, watchProcesses } from "./ssh-access.lab";
import type { Given } from "./ssh-access.suite";

const NOTE = "/etc/labplan/access/root.json";

export function passwordSuite({ machine, test }: Given): void {
  describe("password", () => {
    let last: AccessState | undefined;
    const up = async (...args: Parameters<ReturnType<typeof machine>["up"]>) => {
      last = await machine().up(...args);
      return last;
    };
    afterEach(async () => {
      if (last) await machine().remove(last);
      last = undefined;
    });
    const crypted = () => machine().shadowOf("root");

    test("trap seeds#13: a generated one is set, is a secret output, and is noted without being there", async () => {
      const inputs = machine().access();
      const state = await up(inputs);
      expect(state.generatedPassword).toMatch(/^[A-Za-z0-9]{24,}$/);
      expect(state).toMatchObject({ ...inputs, passwordSource: "generated" });
      expect(await crypted()).toMatch(/^\$/);
      const note = await machine().sh(`cat ${NOTE}`);
      expect(JSON.parse(note)).toEqual({
        mark: "ct8handl/test/node1",
        machine: "node1",
        user: "root",
        version: 1,
        serial: state.passwordSerial,
        digest: expect.stringMatching(/^[0-9a-f]{64}$/),
      });
      expect(await machine().sh("stat -c %a:%u /etc/labplan/access")).toBe("700:0\n");
      expect(await machine().sh(`stat -c %a:%u ${NOTE}`)).toBe("600:0\n");
      expect(await machine().look(state)).toEqual(state);
    });

    test("it is rotated by its version only, and then the old one is no more", async () => {
      const inputs = machine().access();
      const first = await up(inputs);
      const before = await crypted();
      const same = await up({ ...inputs, authorizedKeys: [] }, first);
      expect(same.generatedPassword).toBe(first.generatedPassword);
      expect(await crypted()).toBe(before);
      const next = await up({ ...inputs, passwordVersion: 2 }, same);
      expect(next.generatedPassword).not.toBe(first.generatedPassword);
      expect(next.passwordVersion).toBe(2);
      expect(await crypted()).not.toBe(before);
    });

    test("one that somebody changed is drift, and set anew", async () => {
      const inputs = machine().access();
      const state = await up(inputs);
      await machine().sh("chpasswd", "root:changed-by-hand\n");
      const found = await machine().look(state);
      expect(found?.passwordVersion).toBe(0);
      expect(found?.generatedPassword).toBeUndefined();
      const again = await up(inputs, found);
      expect(again.passwordVersion).toBe(1);
      expect(again.generatedPassword).not.toBe(state.generatedPassword);
      expect(await machine().look(again)).toEqual(again);
    });

    test("one by name is sent and kept nowhere; a change of the source sets it", async () => {
      const secrets = { rootPassword: "pa:ss'w\\ord $(true)" };
      const source = { secret: "rootPassword" };
      const generated = await up(machine().access());
      const state = await up(machine().access({ password: source }), generated, { secrets });
      expect(state.generatedPassword).toBeUndefined();
      expect(state.passwordSource).toEqual(source);
      expect(JSON.stringify(state)).not.toContain("pa:ss");
      expect(await machine().look(state)).toEqual(state);
      // A value that changed behind the name is no change by itself.
      const before = await crypted();
      await up(machine().access({ password: source }), state, { secrets: { rootPassword: "other" } });
      expect(await crypted()).toBe(before);
      for (const bad of ["two\nlines", ""])
        await expect(
          machine().up(machine().access({ password: source, passwordVersion: 2 }), state, {
            secrets: { rootPassword: bad },
          }),
        ).rejects.toThrow(/more than one line|is empty/);
      expect(await crypted()).toBe(before);
    });

    test("with none, a password that is not ours stays; one that we had set is closed", async () => {
      await machine().sh("chpasswd", "root:somebody-elses\n");
      const theirs = await crypted();
      const none = machine().access({ password: "none" });
      const state = await up(none);
      expect(await crypted()).toBe(theirs);
      expect(state.passwordSerial).toBeUndefined();
      const ours = await up(machine().access(), state);
      expect((await machine().look(ours))?.password).toBe("generated");
      const after = await up(none, ours);
      expect(await crypted()).toBe("*");
      expect(after.passwordSerial).toBeUndefined();
      expect(await machine().sh("ls /etc/labplan/access 2>/dev/null || :")).toBe("");
      expect(await machine().look(after)).toEqual(after);
    });

    test("removal closes our password, not one that somebody set since, and leaves no note", async () => {
      const state = await machine().up(machine().access());
      await machine().remove(state);
      // Not "!": sshd without PAM would refuse the user's keys, too.
      expect(await crypted()).toBe("*");
      expect(await machine().sh("ls -d /etc/labplan/access 2>/dev/null || :")).toBe("");
      await machine().remove(state);

      const other = await machine().up(machine().access());
      await machine().sh("chpasswd", "root:somebody-elses\n");
      expect(await machine().remove(other)).toMatch(/changed by somebody else since, and is left/);
      expect(await crypted()).toMatch(/^\$/);
      await machine().sh("chpasswd -e", "root:*\n");
    });

    test("a run that was stopped around the change leaves a note by which removal knows whose password it is", async () => {
      const chpasswd = vi.spyOn(Account.prototype, "setPassword");
      try {
        for (const isTheirs of [true, false]) {
          await machine().sh("chpasswd", "root:somebody-elses\n");
          const theirs = await crypted();
          chpasswd.mockImplementationOnce(async (password) => {
            // Stopped before, or after it was done.
            if (!isTheirs) await machine().sh("chpasswd", `root:${password}\n`);
            throw new Error("stopped");
          });
          await expect(machine().up(machine().access())).rejects.toThrow("stopped");
          const partial = { ...machine().access(), intact: true };
          await machine().remove(partial);
          expect(await crypted()).toBe(isTheirs ? theirs : "*");
        }
      } finally {
        chpasswd.mockRestore();
        await machine().sh("chpasswd -e", "root:*\n");
      }
    });

    test("a state that knows another password sets a new one; a note of another stack is refused", async () => {
      const inputs = machine().access();
      const state = await up(inputs);
      // As after an older state was restored.
      const older = { ...state, passwordSerial: "0000", generatedPassword: "older" };
      expect((await machine().look(older))?.passwordVersion).toBe(0);
      await machine().sh("sed -i '/# labplan begin/,/# labplan end/d' /root/.ssh/authorized_keys");
      const theirs = { mark: { stack: "prod" } };
      await expect(machine().up(inputs, undefined, theirs)).rejects.toThrow(/ct8handl\/test\/node1/);
      await machine().sh(`echo garbage > ${NOTE}`);
      await expect(machine().up(inputs)).rejects.toThrow(/root.json there cannot be read/);
      await machine().sh(`rm ${NOTE}`);
    });

    test("trap seeds#13: the password is in no command line, no environment, no log, no file in clear", async () => {
      const trace = newTrace();
      const watch = watchProcesses();
      const secrets = { rootPassword: "canary-Tn7wq2ZkXb94" };
      let found: string;
      let state: AccessState;
      try {
        state = await up(machine().access(), undefined, { trace });
        const named = machine().access({ password: { secret: "rootPassword" } });
        await up(named, state, { trace, secrets });
        // The test itself must be able to see such a thing.
        await machine().sh("sh -c 'sleep 0.1' canary-that-is-seen");
      } finally {
        found = watch.stop();
      }
      expect(found).toContain("canary-that-is-seen");
      const texts = [found, JSON.stringify([trace.said, trace.progress, trace.steps])];
      const password = state.generatedPassword ?? "";
      const files = `grep -rlaF -f - /etc /root /home /run /tmp /var/log /var/tmp 2>/dev/null || :`;
      for (const secret of [password, secrets.rootPassword]) {
        for (const text of texts) expect(text.includes(secret)).toBe(false);
        expect(await machine().sh(files, `${secret}\n`)).toBe("");
      }
    });
  });
}
