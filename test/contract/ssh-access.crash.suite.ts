import { describe, expect } from "vitest";
import type { AccessInputs, AccessState } from "../../providers/ssh/access";
import { WRITE_KEYS } from "../../providers/ssh/access.remote";
import { Killed, newTrace } from "./libvirt-handlers.run";
import { KEY_A, KEY_B } from "./ssh-access.lab";
import type { Given } from "./ssh-access.suite";

const STEPS = ["1/4 log in", "2/4 keys", "3/4 password", "4/4 marker"];
const REMOVAL = ["1/3 password", "2/3 marker", "3/3 keys"];

export function crashSuite({ machine, test }: Given): void {
  describe("killed at any step, and run again", () => {
    /** What is there, without what is made by chance. */
    const look = async () =>
      (await machine().snapshot())
        .replaceAll(/"(serial|digest)": "[0-9a-f]+"/g, '"$1": …')
        .replaceAll(/:\$[^\n]+/g, ":crypted");
    const fixed = (state: AccessState | undefined) => {
      const { generatedPassword, passwordSerial, ...rest } = state ?? {};
      return { ...rest, generated: typeof generatedPassword, serial: typeof passwordSerial };
    };
    const wanted = (): AccessInputs => machine().access({ authorizedKeys: [KEY_A, KEY_B] });

    test("made: the password that is told in the end is the one in force", async () => {
      const before = await look();
      const clean = newTrace();
      const state = await machine().up(wanted(), undefined, { trace: clean });
      expect(clean.steps).toEqual(STEPS);
      const there = await look();
      await machine().remove(state);
      expect(await look()).toBe(before);
      for (const dieAt of STEPS)
        for (const isSaved of [false, true]) {
          const trace = newTrace();
          await expect(machine().up(wanted(), undefined, { dieAt, trace })).rejects.toThrow(Killed);
          const saved = trace.saved && { ...wanted(), intact: true, ...trace.saved };
          const again = await machine().up(wanted(), isSaved ? (saved as AccessState) : undefined);
          expect(fixed(again), dieAt).toEqual(fixed(state));
          expect(await look(), dieAt).toBe(there);
          expect(await machine().look(again), dieAt).toEqual(again);
          await machine().remove(again);
          expect(await look(), dieAt).toBe(before);
        }
    });

    test("edited: a rotation that was begun is carried out, or set right when it is withdrawn", async () => {
      const edited = (): AccessInputs => machine().access({ authorizedKeys: [KEY_B], passwordVersion: 2 });
      for (const dieAt of STEPS)
        for (const inputs of [edited(), wanted()]) {
          const first = await machine().up(wanted());
          await expect(machine().up(edited(), first, { dieAt })).rejects.toThrow(Killed);
          // Nothing was saved: the state is that of before.
          const again = await machine().up(inputs, first);
          expect(again.authorizedKeys, dieAt).toEqual(inputs.authorizedKeys);
          expect(again.passwordVersion, dieAt).toBe(inputs.passwordVersion);
          expect(await machine().look(again), dieAt).toEqual(again);
          await machine().remove(again);
        }
    });

    test("removed, from wherever it stopped; and what was half made is removed, too", async () => {
      const before = await look();
      for (const dieAt of REMOVAL) {
        const state = await machine().up(wanted());
        await expect(machine().remove(state, { dieAt })).rejects.toThrow(Killed);
        await machine().remove(state);
        expect(await look(), dieAt).toBe(before);
      }
      for (const dieAt of STEPS) {
        const trace = newTrace();
        await expect(machine().up(wanted(), undefined, { dieAt, trace })).rejects.toThrow(Killed);
        const partial = { ...wanted(), intact: true, ...trace.saved } as AccessState;
        await machine().remove(partial);
        expect(await look(), dieAt).toBe(before);
      }
    });

    test("a link that breaks in the middle of a file leaves the old one", async () => {
      const inputs = machine().access({ password: "none", authorizedKeys: [KEY_A] });
      const state = await machine().up(inputs);
      const text = await machine().keysOf("root");
      const root = await machine().connection("root");
      const digest = await machine().sh("sha256sum < /root/.ssh/authorized_keys | cut -c 1-64");
      const words = ["/root/.ssh/authorized_keys", "1000", digest.trim()];
      const half = { deadlineS: 5, stdin: "ssh-ed25519 AAAA" };
      expect((await root.exec(["sh", "-c", WRITE_KEYS, "sh", ...words], half)).code).not.toBe(0);
      expect(await machine().keysOf("root")).toBe(text);
      expect(await machine().sh("ls /root/.ssh")).not.toContain("part");
      await machine().remove(state);
    });

    test("a machine that cannot be reached is told with the way out, and stays in the state", async () => {
      const state = await machine().up(machine().access({ password: "none" }));
      const away = { on: { ...machine().system.on, sshPort: 1 } };
      await expect(machine().remove(state, away)).rejects.toThrow(
        /could not be taken away, .*refused[\s\S]*pulumi state delete/,
      );
      await expect(machine().look(state, away)).rejects.toThrow(/refused/);
      await expect(machine().remove(state, { on: {} })).rejects.toThrow(/at which address/);
      const nobody = { on: { address: "127.0.0.1", sshPort: 22 } };
      await expect(machine().up(machine().access(), state, nobody)).rejects.toThrow(/which SSH host key/);
      await machine().remove(state);
    });
  });
}
