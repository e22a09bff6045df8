import * as fs from "node:fs";
import * as net from "node:net";
import * as os from "node:os";
import * as path from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { embeddedStatus, ensureEmbedded } from "../../embedded/start";
import type { DomainRef, LibvirtClient } from "../../providers/libvirt/client";
import { connectSsh } from "../../providers/ssh/client";
import {
  addressOf,
  connectTo,
  defineMachine,
  keyPair,
  type Login,
  login,
  makeHome,
  until,
} from "./embedded.fixtures";

/** What of the host must be the same after whatever was done inside. */
const hostFacts = () => ({
  hostName: os.hostname(),
  passwd: fs.readFileSync("/etc/passwd", "utf8"),
  root: fs.readdirSync("/").sort(),
  usr: fs.readdirSync("/usr/bin").length,
});

for (const mode of ["namespaces", "restricted"] as const) {
  describe(`a machine of the embedded lab (${mode})`, () => {
    const { home, remove } = makeHome();
    const mac = "52:54:00:00:00:05";
    const key = keyPair();
    const hostKey = keyPair();
    /** A folder of the very user that sandboxes run as: only the walls of the sandbox protect it. */
    const canary = fs.mkdtempSync(path.join(os.tmpdir(), "labplan-canary-"));
    let client: LibvirtClient;
    let domain: DomainRef;
    let ssh: Login & { hostKey: string };
    let works = true;

    beforeAll(async () => {
      if (mode === "restricted") process.env.LABPLAN_EMBEDDED_RESTRICTED = "1";
      await ensureEmbedded({ home });
      delete process.env.LABPLAN_EMBEDDED_RESTRICTED;
      const status = await embeddedStatus({ home });
      works = status?.isolation === mode;
      if (!works) return;
      fs.writeFileSync(path.join(canary, "file"), "alive");
      if (process.getuid?.() === 0) {
        for (const each of [canary, path.join(canary, "file")]) fs.chownSync(each, status?.uid ?? 0, 65534);
      }
      client = await connectTo(home);
      domain = await defineMachine(client, {
        name: "w1",
        mac,
        publicKey: key.publicKey,
        hostKey: hostKey.privateKey,
        userData: "runcmd:\n- touch /srv/first-boot\nwrite_files:\n- path: /srv/hello\n  content: hi there\n",
      });
      domain = await client.domainStart(domain);
      ssh = await login(await addressOf(home, "w1"), key);
    });
    afterAll(async () => {
      ssh?.end();
      await client?.close();
      await remove();
      fs.rmSync(canary, { recursive: true, force: true });
    });
    const test = (title: string, work: () => Promise<void>) =>
      it(title, async (context) => {
        if (!works) context.skip(`this system has no ${mode} for ordinary users`);
        await work();
      });

    test("has the reserved lease, and begins its addresses with the one that answers", async () => {
      const { address } = await addressOf(home, "w1");
      const network = await client.networkByName("admin");
      if (!network) throw new Error("no network");
      const [lease] = await client.networkLeases(network, mac);
      expect(lease).toMatchObject({ mac, ip: "10.20.0.5", prefix: 24, hostName: "w1" });
      expect(await client.domainAddresses(domain)).toEqual([
        { mac, ip: address },
        { mac, ip: "10.20.0.5" },
      ]);
    });

    test("shows the host key that its seed planned, and lets in nobody without the seed's key", async () => {
      const [type, body] = hostKey.publicKey.split(" ");
      expect(ssh.hostKey).toBe(`${type} ${body}`);
      const at = await addressOf(home, "w1");
      await expect(login(at, keyPair())).rejects.toThrow(/authentication/i);
      await expect(login(at, { password: "labplan" })).rejects.toThrow(/authentication/i);
      await expect(login(at, key, "somebody")).rejects.toThrow(/authentication/i);
    });

    test("really runs commands, with their input, output and exit code", async () => {
      expect(await ssh.run("cat", "from stdin")).toEqual({ out: "from stdin", code: 0 });
      expect(await ssh.run("exit 7")).toMatchObject({ code: 7 });
      expect((await ssh.run("hostname")).out).toBe("w1\n");
      expect((await ssh.run('echo "$HOME $USER"')).out).toBe("/home/labplan labplan\n");
    });

    test("takes and gives files over SFTP, and follows no link out", async () => {
      const { address, sshPort } = await addressOf(home, "w1");
      const identityFile = path.join(path.dirname(home), "key");
      fs.writeFileSync(identityFile, key.privateKey, { mode: 0o600 });
      const host = { host: address, port: sshPort, hostKey: hostKey.publicKey };
      const target = { ...host, user: "labplan", identityFile, agent: false as const };
      const connection = await connectSsh(target);
      await connection.writeFile("/srv/config", "one", 0o600);
      await connection.writeFile("/srv/config", "two", 0o600);
      expect((await ssh.run("cat /srv/config")).out).toBe("two");
      expect(String(await connection.readFile("/srv/config"))).toBe("two");
      await ssh.run(`ln -s ${canary}/file /srv/link`);
      expect(await connection.readFile("/srv/link").catch(() => undefined)).toBeUndefined();
      expect(await connection.readFile(path.join(canary, "file"))).toBeUndefined();
      expect(await connection.readFile(`../../../../../..${canary}/file`)).toBeUndefined();
      await connection.close();
    });

    test("prints its host key on the console", async () => {
      const output = await client.domainConsole(domain);
      let text = "";
      output.on("data", (data: Buffer) => {
        text += data;
      });
      await until("the console speaks", async () => text.includes("login:"));
      expect(text).toContain(hostKey.publicKey.split(" ")[1]);
      output.destroy();
    });

    test("keeps changes of its system to itself", async () => {
      const before = hostFacts();
      await ssh.run("hostnamectl set-hostname other");
      expect((await ssh.run("hostname")).out).toBe("other\n");
      await ssh.run("useradd -m mallory");
      expect((await ssh.run("cat /etc/passwd")).out).toContain("mallory");
      expect((await ssh.run("ls /home")).out).toContain("mallory");
      await ssh.run("userdel -r mallory");
      expect((await ssh.run("cat /etc/passwd")).out).not.toContain("mallory");
      await ssh.run("hostname w1");
      expect(hostFacts()).toEqual(before);
    });

    test("sees and changes nothing of the host", async () => {
      const file = path.join(canary, "file");
      for (const command of [
        `cat ${file}`,
        `/bin/cat ${file}`,
        `touch ${canary}/new`,
        `echo gone > ${file}`,
        `ls ${home}`,
        "cat /etc/ssh/sshd_config",
        `touch /usr/bin/labplan-intruder || /bin/touch /usr/bin/labplan-intruder`,
        `bash -c 'cat ${file}'`,
        `cd ${canary} && ls && cat file`,
      ]) {
        const { out } = await ssh.run(command);
        expect(out, command).not.toContain("alive");
      }
      expect(fs.readdirSync(canary)).toEqual(["file"]);
      expect(fs.readFileSync(file, "utf8")).toBe("alive");
      expect(fs.existsSync("/usr/bin/labplan-intruder")).toBe(false);
    });

    test("survives rm -rf / as a host, if not as a machine", async () => {
      // Only once the walls are known to stand.
      expect((await ssh.run(`ls ${canary}`)).code).not.toBe(0);
      const touched = await ssh.run("touch /usr/labplan-wall");
      expect(touched.code !== 0 || mode === "restricted").toBe(true);
      expect(fs.existsSync("/usr/labplan-wall")).toBe(false);
      const before = hostFacts();
      await ssh.run("touch /srv/mine");
      // Restricted shells take no redirection; elsewhere it spares us a line for each file of /usr.
      await ssh.run(`rm -rf --no-preserve-root /${mode === "namespaces" ? " 2> /dev/null" : ""}`);
      expect((await ssh.run("ls /srv/mine")).code).not.toBe(0);
      expect(hostFacts()).toEqual(before);
      expect(fs.readFileSync(path.join(canary, "file"), "utf8")).toBe("alive");
      expect(await client.domainByName("w1")).toBeDefined();
    });

    test("goes down when its system says so, and comes back with its disk", async () => {
      await client.domainDestroy(domain);
      ssh.end();
      domain = await client.domainStart(domain);
      ssh = await login(await addressOf(home, "w1"), key);
      expect((await ssh.run("touch /srv/kept")).code).toBe(0);
      await ssh.run("poweroff");
      await until("the domain is off", async () => (await client.domainState(domain)) === "shutoff");
      ssh.end();
      domain = await client.domainStart(domain);
      ssh = await login(await addressOf(home, "w1"), key);
      expect((await ssh.run("ls /srv")).out).toContain("kept");
    });

    test("ends with all that runs in it when the power goes", async () => {
      const { address, sshPort } = await addressOf(home, "w1");
      await client.domainDestroy(domain);
      const refused = await new Promise((resolve) =>
        net
          .connect(sshPort, address)
          .on("connect", () => resolve("open"))
          .on("error", () => resolve("refused")),
      );
      expect(refused).toBe("refused");
      ssh.end();
    });

    test("takes its disk along when it is undefined", async () => {
      const lab = await ensureEmbedded({ home });
      const folder = path.join(lab.home, "machines", domain.uuid);
      expect(fs.existsSync(folder)).toBe(true);
      await client.domainUndefine(domain);
      expect(fs.existsSync(folder)).toBe(false);
    });
  });
}
