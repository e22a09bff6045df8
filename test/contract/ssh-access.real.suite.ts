import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Client } from "ssh2";
import { describe, expect } from "vitest";
import { connectSsh } from "../../providers/ssh/client";
import { argvAs } from "../../providers/ssh/sudo";
import { makeKey } from "../systems/ssh/start";
import { newTrace } from "./libvirt-handlers.run";
import { KEY_A, type Machine, SudoError } from "./ssh-access.lab";
import type { Given } from "./ssh-access.suite";

/** Whether a password opens the door, tried as anybody would. */
const letsIn = (machine: Machine, username: string, password: string): Promise<boolean> =>
  new Promise((resolve) => {
    const { address, sshPort } = machine.system.on;
    const client = new Client();
    client.on("ready", () => {
      client.end();
      resolve(true);
    });
    client.on("error", () => resolve(false));
    client.connect({ host: address, port: sshPort, username, password });
  });

/** Who is really let in; and what only a system with users, PAM and sudo can show. */
export function realSuite({ machine, test }: Given): void {
  describe("who is let in", () => {
    const real = { needs: "real" } as const;
    const sudo = { needs: "sudo" } as const;

    test("the password lets in, a rotated one instead of it, and after removal none", async () => {
      const inputs = machine().access();
      const first = await machine().up(inputs);
      const password = first.generatedPassword ?? "";
      expect(await letsIn(machine(), "root", password)).toBe(true);
      expect(await letsIn(machine(), "root", `${password}x`)).toBe(false);
      const next = await machine().up({ ...inputs, passwordVersion: 2 }, first);
      expect(await letsIn(machine(), "root", password)).toBe(false);
      expect(await letsIn(machine(), "root", next.generatedPassword ?? "")).toBe(true);
      await machine().remove(next);
      expect(await letsIn(machine(), "root", next.generatedPassword ?? "")).toBe(false);
    });

    test("the keys let in, also where the account never had a password, and after removal they do not", async () => {
      const folder = mkdtempSync(join(tmpdir(), "labplan-access-"));
      try {
        const identityFile = join(folder, "id");
        const line = await makeKey(identityFile, "ed25519");
        const { address: host, sshPort: port, sshHostKey: hostKey } = machine().system.on;
        const logIn = async (user: string) => {
          const connection = await connectSsh({ host, port, hostKey, user, identityFile, agent: false });
          await connection.close();
        };
        const inputs = machine().access({ user: "ada", authorizedKeys: [line] });
        await expect(logIn("ada")).rejects.toThrow(/refused/);
        const state = await machine().up(inputs);
        await logIn("ada");
        expect(await letsIn(machine(), "ada", state.generatedPassword ?? "")).toBe(true);
        await machine().remove(state);
        await expect(logIn("ada")).rejects.toThrow(/refused/);
        expect(await machine().shadowOf("ada")).toBe("*");
      } finally {
        rmSync(folder, { recursive: true, force: true });
      }
    });

    test(
      "another user's files are written as that user: a trap that it laid gets nobody further",
      async () => {
        await machine().sh(
          "rm -rf /home/ada/.ssh /srv/loot; install -d -m 755 /srv/loot; ln -s /srv/loot /home/ada/.ssh",
        );
        const inputs = machine().access({ user: "ada", password: "none" });
        // Ours runs as ada, who may not write there.
        await expect(machine().up(inputs)).rejects.toThrow(/could not write .*(denied|not permitted)/i);
        expect(await machine().sh("ls /srv/loot")).toBe("");
        await machine().sh("rm /home/ada/.ssh");
        const state = await machine().up(inputs);
        expect(await machine().sh("stat -c '%a %U:%G' /home/ada/.ssh /home/ada/.ssh/authorized_keys")).toBe(
          "700 ada:ada\n600 ada:ada\n",
        );
        await machine().remove(state);
      },
      real,
    );

    test(
      "a user without root puts its own keys in order, and needs no sudo for it",
      async () => {
        const login = { user: "ada", identityFile: machine().system.identityFile };
        await machine().sh(
          "install -d -m 700 -o ada -g ada /home/ada/.ssh; install -m 600 -o ada -g ada /root/.ssh/authorized_keys /home/ada/.ssh/authorized_keys",
        );
        const inputs = machine().access({ user: "ada", login, password: "none", exclusive: true });
        const state = await machine().up(inputs);
        expect(state.keepsLoginKey).toBe(true);
        expect(await machine().look(state)).toEqual(state);
        await machine().remove(state);
      },
      real,
    );

    test(
      "says when others can write to the home, and when sshd takes its keys from elsewhere",
      async () => {
        const trace = newTrace();
        await machine().sh(
          "chmod 777 /home/ada; echo 'AuthorizedKeysFile /etc/ssh/keys/%u' >> /etc/ssh/sshd_config",
        );
        const state = await machine().up(machine().access({ user: "ada", password: "none" }), undefined, {
          trace,
        });
        expect(trace.said.join("\n")).toMatch(/others can write to \/home\/ada/);
        expect(trace.said.join("\n")).toContain('takes the keys of "ada" from /etc/ssh/keys/ada');
        await machine().sh("chmod 755 /home/ada; sed -i '$d' /etc/ssh/sshd_config");
        await machine().remove(state);
        const quiet = newTrace();
        await machine().remove(
          await machine().up(machine().access({ user: "ada", password: "none" }), undefined, {
            trace: quiet,
          }),
        );
        expect(quiet.said).toEqual([]);
      },
      real,
    );

    test(
      "says when the password opens the console only",
      async () => {
        const said = async (config: string, user: string) => {
          const trace = newTrace();
          await machine().sh(`cp /etc/ssh/sshd_config /run/kept; sed -i '1i ${config}' /etc/ssh/sshd_config`);
          const state = await machine().up(machine().access({ user }), undefined, { trace });
          await machine().sh("cp /run/kept /etc/ssh/sshd_config");
          await machine().remove(state);
          return trace.said.join("\n");
        };
        expect(await said("PermitRootLogin prohibit-password", "root")).toMatch(
          /its password opens the console and not SSH, because sshd there says "PermitRootLogin without-password"/,
        );
        expect(await said("PermitRootLogin prohibit-password", "ada")).toBe("");
        expect(await said("PasswordAuthentication no", "ada")).toMatch(/"PasswordAuthentication no"/);
      },
      real,
    );

    test(
      "the context that SELinux wants is put on what was written, where there is a restorecon",
      async () => {
        await machine().sh(
          "printf '#!/bin/sh\\necho \"$@\" >> /tmp/restored\\n' > /etc/restorecon; chmod 755 /etc/restorecon; mount --bind /etc/restorecon /usr/sbin/nologin",
        );
        await machine().sh(
          "umount /usr/sbin/nologin; mkdir -p /run/bin; mount -t tmpfs -o mode=755 tmpfs /usr/local; mkdir /usr/local/sbin; cp /etc/restorecon /usr/local/sbin/; rm /etc/restorecon",
        );
        const state = await machine().up(machine().access({ password: "none" }));
        await machine().sh("umount /usr/local");
        expect(await machine().sh("cat /tmp/restored")).toBe("/root/.ssh /root/.ssh/authorized_keys\n");
        await machine().remove(state);
      },
      real,
    );

    test(
      "by sudo, where it asks nobody: keys and password of root and of others",
      async () => {
        for (const user of ["root", "ada"]) {
          const inputs = machine().access({ user, login: machine().ops });
          const state = await machine().up(inputs);
          expect(await letsIn(machine(), user, state.generatedPassword ?? "")).toBe(true);
          expect(await machine().keysOf(user)).toContain(KEY_A);
          expect(await machine().look(state)).toEqual(state);
          await machine().remove(state);
          expect(await machine().keysOf(user)).not.toContain(KEY_A);
        }
      },
      sudo,
    );

    test(
      "without runuser it becomes another user by su",
      async () => {
        const root = await machine().connection("root");
        const argv = argvAs("root", "ada", ["sh", "-c", 'id -un; echo "$1" "$2"', "sh", "-c", "two words"]);
        const noRunuser = argv.map((word) => word.replaceAll("runuser", "no-such-program"));
        expect(noRunuser).not.toEqual(argv);
        for (const words of [argv, noRunuser])
          expect((await root.exec(words, { deadlineS: 5 })).stdout).toBe("ada\n-c two words\n");
      },
      real,
    );

    test(
      "sudo that would ask, or forbids it, is told with the line that helps",
      async () => {
        for (const [user, reason, said] of [
          ["bob", "password", /sudo asks "bob" for a password, and passwords are never sent/],
          ["ada", "password", /"ada ALL=\(ALL\) NOPASSWD: ALL" into \/etc\/sudoers.d\/labplan/],
          ["eve", "forbidden", /sudo does not let "eve" do this as root/],
        ] as const) {
          const login = { user, identityFile: machine().system.identityFile };
          const refused = machine().up(machine().access({ login }));
          await expect(refused).rejects.toThrow(said);
          await expect(refused).rejects.toBeInstanceOf(SudoError);
          await expect(refused).rejects.toMatchObject({ reason });
        }
      },
      sudo,
    );

    test(
      "a canary by sudo: it logs what it runs, and the password is not in it",
      async () => {
        const state = await machine().up(machine().access({ user: "ada", login: machine().ops }));
        const password = state.generatedPassword ?? "";
        const files = "grep -rlaF -f - /etc /root /home /run /tmp /var/log 2>/dev/null || :";
        expect(await machine().sh(files, `${password}\n`)).toBe("");
        await machine().remove(state);
      },
      sudo,
    );
  });
}
