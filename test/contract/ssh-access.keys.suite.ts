import { readFileSync } from "node:fs";
import { afterEach, beforeEach, describe, expect } from "vitest";
import { newTrace } from "./libvirt-handlers.run";
import { accessDefinition, KEY_A, KEY_B } from "./ssh-access.lab";
import type { Given } from "./ssh-access.suite";

const STRANGER = 'from="10.0.0.0/8",no-pty ssh-rsa AAAAB3NzaC1yc2EAAAADAQABAAAAgQ== somebody else';

export function keysSuite({ machine, test }: Given): void {
  const keysOnly = { password: "none" } as const;

  describe("keys", () => {
    let before = "";
    beforeEach(async () => {
      before = machine() ? await machine().keysOf("root") : "";
    });
    // The connection of the tests stands already, so that no test can lock the others out.
    afterEach(async () => {
      if (machine())
        await machine().sh(
          "cat > /root/.ssh/k && chmod 600 /root/.ssh/k && mv /root/.ssh/k /root/.ssh/authorized_keys; rm -f /root/.ssh/authorized_keys2; rm -rf /etc/labplan/access",
          before,
        );
    });
    const put = (text: string) =>
      machine().sh("mkdir -p /root/.ssh && cat > /root/.ssh/authorized_keys", text);

    test("come between two lines of ours, and everything else stays as it is, byte by byte", async () => {
      // Latin-1, no line end at the end: what somebody else wrote comes back as it was.
      const odd = `# M\\374ller\\n\\n${STRANGER.replaceAll('"', "\\042")}`;
      await machine().sh(
        `mkdir -p /root/.ssh; printf '%s\\n${odd}' '${before.trim()}' > /root/.ssh/authorized_keys`,
      );
      const was = await machine().sh("base64 -w0 /root/.ssh/authorized_keys");
      const inputs = machine().access({ ...keysOnly, authorizedKeys: [KEY_A, `${KEY_B} Zoë`] });
      const state = await machine().up(inputs);
      expect(state).toMatchObject({ ...inputs, intact: true });
      const text = await machine().keysOf("root");
      expect(text).toContain(`# labplan begin ct8handl/test/node1 on node1: changes up to "end" are undone
${KEY_A}
${KEY_B} Zoë
# labplan end ct8handl/test/node1
`);
      expect(await machine().look(state)).toEqual(state);
      await machine().remove(state);
      const is = await machine().sh("base64 -w0 /root/.ssh/authorized_keys");
      expect(Buffer.from(is, "base64").toString("latin1")).toBe(
        `${Buffer.from(was, "base64").toString("latin1")}\n`,
      );
    });

    test("edits of the list reach the file, and nothing is written when nothing changed", async () => {
      const inputs = machine().access(keysOnly);
      const state = await machine().up(inputs);
      const inode = () => machine().sh("ls -i /root/.ssh/authorized_keys | cut -d' ' -f1");
      const first = await inode();
      expect(await machine().up(inputs, state)).toEqual(state);
      expect(await inode()).toBe(first);
      const edited = machine().access({ ...keysOnly, authorizedKeys: [KEY_B] });
      const after = await machine().up(edited, state);
      expect(await machine().keysOf("root")).toContain(KEY_B);
      expect(await machine().keysOf("root")).not.toContain(KEY_A);
      expect(await inode()).not.toBe(first);
      await machine().remove(after);
    });

    test("a key of ours that somebody took away is drift, and put back; a stranger's is left alone", async () => {
      const inputs = machine().access({ ...keysOnly, authorizedKeys: [KEY_A, KEY_B] });
      const state = await machine().up(inputs);
      await put(`${(await machine().keysOf("root")).replace(`${KEY_A}\n`, "")}${STRANGER}\n`);
      const found = await machine().look(state);
      expect(found?.authorizedKeys).toEqual([KEY_B]);
      const again = await machine().up(inputs, found);
      expect(again.authorizedKeys).toEqual([KEY_A, KEY_B]);
      expect(await machine().keysOf("root")).toContain(STRANGER);
      await machine().remove(again);
      expect(await machine().keysOf("root")).toContain(STRANGER);
    });

    test("a whole file that is gone is access that is gone, and made anew", async () => {
      const inputs = machine().access(keysOnly);
      const state = await machine().up(inputs);
      // All but the key that we come in with: without it there is nothing that could be looked at.
      await put(`${loginKey()}\n`);
      expect(await machine().look(state)).toBeUndefined();
      const again = await machine().up(inputs);
      expect(again).toEqual(state);
      await machine().remove(again);
    });

    test("exclusive: strangers are drift and go, in sshd's second file too; the key that we log in with stays", async () => {
      await machine().sh("mkdir -p /root/.ssh && cat > /root/.ssh/authorized_keys2", `${STRANGER}\n# kept\n`);
      const own = loginKey();
      await put(`# mine\n${own}\n${STRANGER}\n${KEY_B}\nnonsense that no sshd knows\n`);
      const inputs = machine().access({ ...keysOnly, exclusive: true });
      const state = await machine().up(inputs);
      expect(await machine().keysOf("root")).toBe(`# mine
${own}
# labplan begin ct8handl/test/node1 on node1: changes up to "end" are undone
${KEY_A}
# labplan end ct8handl/test/node1
`);
      expect(await machine().sh("cat /root/.ssh/authorized_keys2")).toBe("# kept\n");
      expect(state).toMatchObject({ keepsLoginKey: true, authorizedKeys: [KEY_A] });
      expect(await machine().look(state)).toEqual(state);

      await machine().sh("cat >> /root/.ssh/authorized_keys", `${STRANGER}\n`);
      const found = await machine().look(state);
      expect(found?.authorizedKeys).toEqual([KEY_A, STRANGER]);
      const again = await machine().up(inputs, found);
      expect(again).toEqual(state);
      expect(await machine().keysOf("root")).not.toContain("somebody else");

      // Listed, it is no exception any more, and its own line is still not ours to take.
      const listed = await machine().up({ ...inputs, authorizedKeys: [KEY_A, own] }, again);
      expect(listed.keepsLoginKey).toBeUndefined();
      await machine().remove(listed);
      expect(await machine().keysOf("root")).toBe(`# mine\n${own}\n`);
    });

    test("a block whose end somebody cut off takes nothing of what follows along", async () => {
      const inputs = machine().access(keysOnly);
      const state = await machine().up(inputs);
      const cut = (await machine().keysOf("root")).replace(/# labplan end .*\n/, "");
      await put(`${cut}${STRANGER}\n`);
      const again = await machine().up(inputs, await machine().look(state));
      const text = await machine().keysOf("root");
      expect(text.match(/labplan begin/g)).toHaveLength(1);
      expect(text).toContain(STRANGER);
      await machine().remove(again);
      expect(await machine().keysOf("root")).toContain(STRANGER);
      expect(await machine().keysOf("root")).not.toContain(KEY_A);
    });

    test("a file that others can write to is no use to sshd: drift, and set right", async () => {
      const inputs = machine().access({ ...keysOnly, user: "ada" });
      const state = await machine().up(inputs);
      await machine().sh("cd /home/ada && chmod 666 .ssh/authorized_keys && chmod 777 .ssh");
      const found = await machine().look(state);
      expect(found).toEqual({ ...state, intact: false });
      expect(await machine().up(inputs, found)).toEqual(state);
      const rights = await machine().sh("cd /home/ada && stat -c %a .ssh .ssh/authorized_keys");
      expect(rights).toBe("700\n600\n");
      await machine().remove(state);
    });

    test("a file that is a link belongs to something else, and is refused", async () => {
      await machine().sh(
        "mkdir -p /root/.ssh /srv && cd /root/.ssh && cp authorized_keys /srv/keys 2>/dev/null || : > /srv/keys; cd /root/.ssh && ln -sf /srv/keys authorized_keys",
      );
      await expect(machine().up(machine().access(keysOnly))).rejects.toThrow(/is a link to \/srv\/keys/);
    });

    test("another stack that looks after this user is refused, in the preview too", async () => {
      const theirs = { mark: { lab: "otherlab", stack: "prod" } };
      const inputs = machine().access(keysOnly);
      const state = await machine().up(inputs, undefined, theirs);
      const text = await machine().keysOf("root");
      expect((await machine().precheck(inputs))[0]).toMatch(
        /^user: .*another labplan resource \(otherlab\/prod\/node1\)/,
      );
      await expect(machine().up(inputs)).rejects.toThrow(/otherlab\/prod\/node1/);
      // Nor is it taken for ours where ours is to be removed.
      expect(await machine().remove(state)).toContain("looked after by somebody else");
      expect(await machine().keysOf("root")).toBe(text);
      await machine().remove(state, theirs);
      expect(await machine().precheck(inputs)).toEqual([]);
    });

    test("a copy of a machine of ours, made by capturing its image, is taken over", async () => {
      const there = machine().access({ name: "golden", authorizedKeys: [KEY_B] });
      await machine().up(there, undefined, { name: "golden" });
      const inputs = machine().access();
      expect(await machine().precheck(inputs)).toEqual([]);
      expect(await machine().precheck({ ...there, authorizedKeys: [KEY_A] })).not.toEqual([]);
      const state = await machine().up(inputs);
      const text = await machine().keysOf("root");
      expect(text).toContain(KEY_A);
      expect(text).not.toContain(KEY_B);
      expect(text).not.toContain("golden");
      expect(await machine().look(state)).toEqual(state);
      await machine().remove(state);
    });

    test("a user that is not there is refused, with what to do", async () => {
      const inputs = machine().access({ ...keysOnly, user: "mallory" });
      expect((await machine().precheck(inputs))[0]).toMatch(/no user "mallory" there. Make it \(useradd/);
      await expect(machine().up(inputs)).rejects.toThrow(/no user "mallory"/);
      expect(await machine().look({ ...inputs, intact: true })).toBeUndefined();
      await machine().remove({ ...inputs, intact: true });
    });

    test("a list with something else than public keys is refused without repeating it", async () => {
      const secret = "-----BEGIN OPENSSH PRIVATE KEY-----\nb3BlbnNzaC1rZXk\n";
      const inputs = machine().access({
        ...keysOnly,
        authorizedKeys: [KEY_A, secret, "ssh-ed25519 AAAAC3Nz"],
      });
      const problems = await machine().precheck(inputs);
      expect(problems[0]).toMatch(/key 2 of the list: it is a private key/);
      expect(problems[1]).toMatch(/key 3 of the list: its ssh-ed25519 key is cut off/);
      await expect(machine().up(inputs)).rejects.toThrow(/private key/);
      expect(problems.join()).not.toContain("b3BlbnNzaC1rZXk");
    });

    test("two edits at the same moment lose nothing of each other", async () => {
      const trace = newTrace();
      const inputs = machine().access(keysOnly);
      const run = machine().run({ trace });
      // Somebody adds a key after we have looked and before we write.
      const racing = {
        ...run,
        step: async <T>(title: string, work: () => Promise<T>): Promise<T> => {
          if (title.startsWith("2/4"))
            await machine().sh("mkdir -p /root/.ssh; cat >> /root/.ssh/authorized_keys", `${STRANGER}\n`);
          return run.step(title, work);
        },
      };
      const state = await accessDefinition.reconcile(inputs, undefined, racing);
      const text = await machine().keysOf("root");
      expect(text).toContain(STRANGER);
      expect(text).toContain(KEY_A);
      await machine().remove(state);
    });
  });

  /** The line that every user of the system begins with. */
  const loginKey = (): string => {
    const { identityFile } = machine().system;
    try {
      return readFileSync(`${identityFile}.pub`, "utf8").trim();
    } catch {
      return publicHalf(readFileSync(identityFile, "utf8"));
    }
  };
}

function publicHalf(privateKey: string): string {
  const { utils } = require("ssh2") as typeof import("ssh2");
  const key = utils.parseKey(privateKey);
  if (key instanceof Error) throw key;
  return `${key.type} ${key.getPublicSSH().toString("base64")} test`;
}
