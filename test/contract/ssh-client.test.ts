import { execFile } from "node:child_process";
import { createHash, randomBytes } from "node:crypto";
import { once } from "node:events";
import {
  chmod,
  lstat,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  rm,
  stat,
  symlink,
  writeFile,
} from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { DeadlineError } from "../../providers/core/errors";
import { connectSsh, type SshConnection, SshError, type SshTarget } from "../../providers/ssh/client";
import { freePort } from "../systems/loopback";
import { available, makeKey, type Sshd, startSshd } from "../systems/ssh/start";

const run = promisify(execFile);
const until = async (condition: () => Promise<boolean>): Promise<void> => {
  for (let attempt = 0; attempt < 100; attempt++) {
    if (await condition()) return;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error("it did not come true within 5 s");
};
/** Is a process with this word in its arguments alive? */
const isRunning = (word: string) =>
  run("pgrep", ["-f", word]).then(
    () => true,
    () => false,
  );
const failure = async (work: Promise<unknown>): Promise<Error & { reason?: string }> => {
  const started = performance.now();
  const error = await work.then(
    () => {
      throw new Error("it did not fail");
    },
    (reason: Error) => reason,
  );
  return Object.assign(error, { tookMs: performance.now() - started });
};

describe.skipIf(available())("the SSH client against OpenSSH", () => {
  let sshd: Sshd;
  let folder: string;
  let target: SshTarget;
  const open: SshConnection[] = [];
  const connect = async (args: SshTarget = target) => {
    const connection = await connectSsh(args);
    open.push(connection);
    return connection;
  };
  const home = process.env.HOME;
  const agentSocket = process.env.SSH_AUTH_SOCK;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "labplan-ssh-"));
    await mkdir(join(folder, ".ssh"));
    process.env.HOME = folder;
    delete process.env.SSH_AUTH_SOCK;
    sshd = await startSshd({ hostKeyTypes: ["ed25519", "ecdsa", "rsa"] });
    const { host, port, hostKey, identityFile, user } = sshd;
    target = { host, port, hostKey, identityFile, user };
  });
  afterEach(async () => {
    await Promise.all(open.splice(0).map((connection) => connection.close()));
    delete process.env.SSH_AUTH_SOCK;
    await rm(join(folder, ".ssh"), { recursive: true });
    await mkdir(join(folder, ".ssh"));
  });
  afterAll(async () => {
    process.env.HOME = home;
    if (agentSocket !== undefined) process.env.SSH_AUTH_SOCK = agentSocket;
    await sshd?.stop();
    await rm(folder, { recursive: true });
  });

  describe("host keys", () => {
    it("accepts each type that the server has, when only that one is pinned", async () => {
      expect(sshd.hostKeys).toHaveLength(3);
      for (const hostKey of sshd.hostKeys) await connect({ ...target, hostKey });
    });

    it("finds the host in a known_hosts file that ssh-keygen hashed, and never writes it", async () => {
      const file = join(folder, ".ssh", "known_hosts");
      await writeFile(file, `[127.0.0.1]:${sshd.port} ${sshd.hostKeys[2]}\n`);
      await run("ssh-keygen", ["-H", "-f", file]);
      const before = { text: await readFile(file, "utf8"), mtime: (await stat(file)).mtimeMs };
      const { hostKey: _, ...unpinned } = target;
      await connect(unpinned);
      expect({ text: await readFile(file, "utf8"), mtime: (await stat(file)).mtimeMs }).toEqual(before);
    });

    it("refuses an unknown host before any login, and the line of its message then lets it in", async () => {
      const { hostKey: _, ...unpinned } = target;
      const logins = async () => (await sshd.log()).split("Accepted publickey").length;
      const before = await logins();
      const error = await failure(connect(unpinned));
      expect(error.reason).toBe("host-key");
      expect(await logins()).toBe(before);
      const pasted = /^ {2}hostKey: (.*)$/m.exec(error.message)?.[1] ?? "";
      expect(sshd.hostKeys[0]).toContain(pasted);
      await connect({ ...unpinned, hostKey: pasted });
      const line = /^ {2}(\[127.*)$/m.exec(error.message)?.[1] ?? "";
      await writeFile(join(folder, ".ssh", "known_hosts"), `${line}\n`);
      await connect(unpinned);
      expect((await readdir(join(folder, ".ssh"))).sort()).toEqual(["known_hosts"]);
    });

    it("refuses another key than the pinned one, and shows both fingerprints", async () => {
      const other = await makeKey(join(folder, "other_host"), "ed25519");
      const error = await failure(connect({ ...target, hostKey: other }));
      expect(error.reason).toBe("host-key");
      expect(error.message.match(/SHA256:[\w+/]{43}/g)).toHaveLength(2);
    });

    it("refuses a revoked key", async () => {
      const file = join(folder, "revoked");
      const line = `[127.0.0.1]:${sshd.port} ${sshd.hostKeys[0]}\n`;
      await writeFile(file, `${line}@revoked ${line}`);
      const { hostKey: _, ...unpinned } = target;
      const error = await failure(connect({ ...unpinned, knownHostsFiles: [file] }));
      expect(error.message).toMatch(/revoked key/);
    });
  });

  describe("login", () => {
    it("says which key is encrypted and what to do, and uses it when an agent holds it", async () => {
      const file = join(folder, "encrypted");
      const line = await makeKey(file, "ed25519");
      const before = await readFile(sshd.authorizedKeys, "utf8");
      await writeFile(sshd.authorizedKeys, `${before}${line}\n`);
      await using agent = await startAgent(folder, [file, await strangerKey(folder)]);
      await run("ssh-keygen", ["-p", "-f", file, "-P", "", "-N", "a passphrase"]);
      const error = await failure(connect({ ...target, identityFile: file }));
      expect(error).toMatchObject({ reason: "no-key" });
      expect(error.message).toContain(`cannot use the key ${file}: encrypted`);
      expect(error.message).toContain(`ssh-add ${file}`);
      await connect({ ...target, identityFile: file, agent: agent.socket });
      process.env.SSH_AUTH_SOCK = agent.socket;
      const { identityFile: _, ...anyKey } = target;
      await connect(anyKey);
    });

    it("tells which key it got in with, of an agent's too", async () => {
      const own = (await readFile(`${sshd.identityFile}.pub`, "utf8")).split(" ").slice(0, 2).join(" ");
      expect((await connect()).loginKey).toBe(own);
      const stranger = await strangerKey(folder);
      await using agent = await startAgent(folder, [stranger, sshd.identityFile]);
      const { identityFile: _, ...anyKey } = target;
      expect((await connect({ ...anyKey, agent: agent.socket })).loginKey).toBe(own);
      // A file that comes after an agent whose keys were not taken.
      await using other = await startAgent(folder, [stranger]);
      await writeFile(join(folder, ".ssh", "id_ed25519"), await readFile(sshd.identityFile), { mode: 0o600 });
      expect((await connect({ ...anyKey, agent: other.socket })).loginKey).toBe(own);
    });

    it("finds the usual key file in ~/.ssh, also when the agent is dead", async () => {
      const { identityFile: _, ...anyKey } = target;
      expect(await failure(connect(anyKey))).toMatchObject({ reason: "no-key" });
      await writeFile(join(folder, ".ssh", "id_ed25519"), await readFile(sshd.identityFile), { mode: 0o600 });
      await connect(anyKey);
      process.env.SSH_AUTH_SOCK = join(folder, "no-such-agent");
      await connect(anyKey);
    });

    it("fails at once when the server takes none of our keys, naming each, and offers none twice", async () => {
      const stranger = await strangerKey(folder);
      await writeFile(join(folder, ".ssh", "id_ed25519"), await readFile(stranger), { mode: 0o600 });
      await makeKey(join(folder, ".ssh", "id_ecdsa"), "ecdsa");
      await writeFile(join(folder, ".ssh", "id_rsa"), "no key at all");
      await using agent = await startAgent(folder, [stranger]);
      const { identityFile: _, ...anyKey } = target;
      const error = await failure(connect({ ...anyKey, agent: agent.socket }));
      expect(error).toMatchObject({ reason: "login" });
      expect(error.message).toContain(
        `took none of: agent ${agent.socket} (1 key), ${folder}/.ssh/id_ecdsa.`,
      );
      expect(error.message).toMatch(/Not offered: .*id_rsa \(not a key/);
      expect(error).toHaveProperty(
        "tookMs",
        expect.toSatisfy((ms: number) => ms < 2_000),
      );
    });

    it("says that a server takes no keys", async () => {
      const other = await startSshd({ config: ["PubkeyAuthentication no", "PasswordAuthentication yes"] });
      try {
        const error = await failure(connect({ ...target, port: other.port, hostKey: other.hostKey }));
        expect(error).toMatchObject({ reason: "login" });
        expect(error.message).toContain("it takes no keys, only password");
      } finally {
        await other.stop();
      }
    });

    it("tells a closed port from a name without an address", async () => {
      const port = await freePort();
      expect(await failure(connect({ ...target, port }))).toMatchObject({ reason: "refused" });
      const error = await failure(connect({ ...target, host: "no-such-host.invalid" }));
      expect(error).toMatchObject({ reason: "unreachable" });
      expect(error.message).toContain("~/.ssh/config aliases are not read");
    });
  });

  describe("commands", () => {
    it("gives the program exactly the words of the argv", async () => {
      const odd = [
        "a b",
        "it's",
        '"',
        "$HOME",
        "`id`",
        "\\",
        "\\n",
        "'\\''",
        "",
        "\n",
        "-x",
        "*",
        "~",
        "!!",
        "é",
        ";",
        "&&",
        "#",
      ];
      const connection = await connect();
      const { stdout } = await connection.exec(["printf", "%s\\0", ...odd], { deadlineS: 10 });
      expect(stdout.split("\0").slice(0, -1)).toEqual(odd);
    });

    it("gives exit code, stdout and stderr apart, and the signal that ended it", async () => {
      const connection = await connect();
      const script = (text: string) => connection.exec(["sh", "-c", text], { deadlineS: 10 });
      expect(await script("echo out; echo err >&2; exit 3")).toEqual({
        code: 3,
        stdout: "out\n",
        stderr: "err\n",
      });
      expect(await script("kill -9 $$")).toEqual({ code: null, signal: "SIGKILL", stdout: "", stderr: "" });
    });

    it("sends stdin of any size, and ends it also where there is none", async () => {
      const connection = await connect();
      const secret = randomBytes(5_000_000);
      const { stdout } = await connection.exec(["sha256sum"], { stdin: secret, deadlineS: 20 });
      expect(stdout.split(" ")[0]).toBe(createHash("sha256").update(secret).digest("hex"));
      expect(await connection.exec(["cat"], { deadlineS: 10 })).toMatchObject({ code: 0, stdout: "" });
    });

    it("runs more commands at once than the server has sessions for", async () => {
      const connection = await connect();
      const warnings: Error[] = [];
      const note = (warning: Error) => warnings.push(warning);
      process.on("warning", note);
      const calls = Array.from({ length: 25 }, (_, n) =>
        connection.exec(["echo", `${n}`], { deadlineS: 20 }),
      );
      const all = await Promise.all(calls);
      await new Promise((resolve) => setImmediate(resolve));
      process.off("warning", note);
      expect(all.map(({ stdout }) => Number(stdout))).toEqual(Array.from({ length: 25 }, (_, n) => n));
      expect(warnings).toEqual([]);
    });

    it("refuses to keep more output than it may", async () => {
      const connection = await connect();
      const options = { deadlineS: 10, maxOutputBytes: 1_000 };
      const error = await failure(connection.exec(["sh", "-c", "yes; : labplan-flood"], options));
      expect(error.message).toContain("more than 1000 bytes");
      await until(async () => !(await isRunning("labplan-flood")));
      expect(await connection.exec(["true"], options)).toMatchObject({ code: 0 });
    });

    it("stops a command at its deadline, there too, even one that ignores being told", async () => {
      const connection = await connect();
      const marks = [join(folder, "polite"), join(folder, "deaf")];
      const scripts = [
        ': >"$1"; sleep 60; : labplan-polite',
        "trap '' TERM; : >\"$1\"; sleep 61; sleep 62; : labplan-deaf",
      ];
      const calls = scripts.map((script, n) =>
        failure(connection.exec(["sh", "-c", script, "sh", marks[n] ?? ""], { deadlineS: 1.5 })),
      );
      for (const error of await Promise.all(calls)) {
        expect(error).toBeInstanceOf(DeadlineError);
        expect(error.message).toMatch(/"sh" did not end within 1.5 s/);
      }
      for (const mark of marks) expect(await readFile(mark, "utf8"), "it had started").toBe("");
      await until(async () => !(await isRunning("labplan-polite")));
      await until(async () => !(await isRunning("labplan-deaf")));
      expect(await connection.exec(["true"], { deadlineS: 10 })).toMatchObject({ code: 0 });
    });

    it("lets a command that it stops clear up behind itself", async () => {
      const connection = await connect();
      const controller = new AbortController();
      const mark = join(folder, "cleared-up");
      const script = `trap 'echo done >"$1"; exit' TERM; sleep 60 & wait; : labplan-tidy`;
      const options = { deadlineS: 30, signal: controller.signal };
      const call = failure(connection.exec(["sh", "-c", script, "sh", mark], options));
      await until(() => isRunning("labplan-tidy"));
      await new Promise((resolve) => setTimeout(resolve, 200));
      controller.abort();
      await call;
      await until(async () => (await readFile(mark, "utf8").catch(() => "")) === "done\n");
    });

    it("ends within 100 ms of an abort, and the command ends too", async () => {
      const connection = await connect();
      const controller = new AbortController();
      const argv = ["sh", "-c", "sleep 60; : labplan-aborted"];
      const call = failure(connection.exec(argv, { deadlineS: 30, signal: controller.signal }));
      await until(() => isRunning("labplan-aborted"));
      const at = performance.now();
      controller.abort(new Error("the engine is gone"));
      expect((await call).message).toBe("the engine is gone");
      expect(performance.now() - at).toBeLessThan(100);
      await until(async () => !(await isRunning("labplan-aborted")));
    });

    it("rejects at once when the server is killed in the middle, and says that the outcome is not known", async () => {
      const connection = await connect();
      const call = failure(connection.exec(["sh", "-c", "sleep 60; : labplan-cut"], { deadlineS: 30 }));
      await until(() => isRunning("labplan-cut"));
      const at = performance.now();
      sshd.endSessions();
      expect(await call).toMatchObject({ reason: "lost" });
      expect(performance.now() - at).toBeLessThan(1_000);
      expect(connection.ended.aborted).toBe(true);
      expect(await failure(connection.exec(["true"], { deadlineS: 10 }))).toMatchObject({ reason: "lost" });
      await connection.close();
    });

    it("rejects what still runs when it is closed", async () => {
      const connection = await connect();
      const call = failure(connection.exec(["sleep", "60"], { deadlineS: 30 }));
      await connection.close();
      expect(await call).toMatchObject({ reason: "lost" });
    });
  });

  describe("streams", () => {
    const echoThrough = async (stream: import("node:stream").Duplex) => {
      const sent = randomBytes(6_000_000);
      stream.end(sent);
      const got: Buffer[] = [];
      for await (const chunk of stream) {
        got.push(chunk);
        // A slow reader: both windows fill up on the way.
        if (got.length < 20) await new Promise((resolve) => setTimeout(resolve, 5));
      }
      expect(Buffer.concat(got).equals(sent)).toBe(true);
    };

    it("pipes through a program in both directions", async () => {
      await echoThrough(await (await connect()).execDuplex(["cat"]));
    });

    it("destroys the stream with the program's last words when it fails", async () => {
      const stream = await (await connect()).execDuplex(["sh", "-c", "echo no such helper >&2; exit 127"]);
      // It may have failed before anybody listens.
      const error = stream.errored ?? (await once(stream.resume(), "error"))[0];
      expect(error.message).toContain('"sh" exited with 127: no such helper');
    });

    it("never lets a reader take the output of a failed program for complete", async () => {
      const connection = await connect();
      for (const pauseMs of [0, 300]) {
        const stream = await connection.execDuplex([
          "sh",
          "-c",
          "echo partial; exec >&- 2>&-; sleep 0.1; exit 3",
        ]);
        await new Promise((resolve) => setTimeout(resolve, pauseMs));
        const reading = (async () => {
          for await (const _ of stream);
        })();
        expect((await failure(reading)).message).toContain("exited with 3");
      }
    });

    it("takes no more from the far side than its reader does", async () => {
      const stream = await (await connect()).execDuplex(["sh", "-c", "yes | head -c 50000000"]);
      stream.once("readable", () => {});
      await new Promise((resolve) => setTimeout(resolve, 700));
      expect(stream.readableLength).toBeGreaterThan(0);
      expect(stream.readableLength).toBeLessThan(200_000);
      stream.destroy();
    });

    it("reaches a unix socket, which sees our end and answers after it", async () => {
      const path = join(folder, "echo.sock");
      const server = createServer({ allowHalfOpen: true }, (socket) => socket.pipe(socket)).listen(path);
      await once(server, "listening");
      try {
        const connection = await connect();
        await echoThrough(await connection.openUnixSocket(path));
        const streams = await Promise.all(Array.from({ length: 12 }, () => connection.openUnixSocket(path)));
        await Promise.all(
          streams.map(async (stream, n) => {
            stream.write(`hello ${n}`);
            expect(String((await once(stream, "data"))[0])).toBe(`hello ${n}`);
            stream.destroy();
          }),
        );
      } finally {
        server.close();
      }
    });

    it("sees that the far side of a unix socket went away", async () => {
      const path = join(folder, "short.sock");
      const server = createServer((socket) => socket.end("bye")).listen(path);
      await once(server, "listening");
      try {
        const stream = await (await connect()).openUnixSocket(path);
        const text = [];
        for await (const chunk of stream) text.push(String(chunk));
        expect(text.join("")).toBe("bye");
      } finally {
        server.close();
      }
    });

    it("does not take a broken connection for the end of a socket's data", async () => {
      const path = join(folder, "open.sock");
      const server = createServer((socket) => void socket.write("first")).listen(path);
      await once(server, "listening");
      try {
        const stream = await (await connect()).openUnixSocket(path);
        const got: string[] = [];
        const reading = (async () => {
          for await (const chunk of stream) if (got.push(String(chunk)) === 1) sshd.endSessions();
        })();
        expect(await failure(reading)).toMatchObject({ reason: "lost" });
        expect(got).toEqual(["first"]);
      } finally {
        server.close();
      }
    });

    it("says which socket could not be reached", async () => {
      const error = await failure((await connect()).openUnixSocket(join(folder, "none.sock")));
      expect(error).toMatchObject({ reason: "channel" });
      expect(error.message).toContain(`cannot reach the socket ${folder}/none.sock`);
    });

    it("breaks open streams when the connection breaks", async () => {
      const stream = await (await connect()).execDuplex(["cat"]);
      const broken = once(stream, "error");
      sshd.endSessions();
      expect((await broken)[0]).toBeInstanceOf(SshError);
    });
  });

  describe("files", () => {
    it("writes content with exactly the mode, whatever was there and whatever the umask", async () => {
      const connection = await connect();
      const path = join(folder, "secret");
      await writeFile(path, "old and open");
      await chmod(path, 0o666);
      const content = randomBytes(1_000_000);
      await connection.writeFile(path, content, 0o600);
      expect((await stat(path)).mode & 0o777).toBe(0o600);
      expect((await readFile(path)).equals(content)).toBe(true);
      expect((await connection.readFile(path))?.equals(content)).toBe(true);
      await connection.writeFile(path, "shared", 0o666);
      expect((await stat(path)).mode & 0o777).toBe(0o666);
      expect((await readdir(folder)).filter((name) => name.includes("labplan-part"))).toEqual([]);
    });

    it("replaces as a whole: one who reads the old file goes on reading it, and a link is not followed", async () => {
      const connection = await connect();
      const [victim, path] = [join(folder, "victim"), join(folder, "link")];
      await writeFile(victim, "not ours");
      await symlink(victim, path);
      await symlink(victim, `${path}.labplan-part`);
      await connection.writeFile(path, "ours", 0o600);
      expect(await readFile(victim, "utf8")).toBe("not ours");
      expect((await lstat(path)).isSymbolicLink()).toBe(false);
    });

    it("reads nothing where there is nothing; removing it again is success", async () => {
      const connection = await connect();
      const path = join(folder, "gone");
      await connection.writeFile(path, "", 0o600);
      expect(await connection.readFile(path)).toEqual(Buffer.alloc(0));
      await connection.removeFile(path);
      await connection.removeFile(path);
      expect(await connection.readFile(path)).toBeUndefined();
    });

    it("says what it could not write", async () => {
      const error = await failure((await connect()).writeFile(join(folder, "no", "such"), "x", 0o600));
      expect(error.message).toContain(`cannot write ${folder}/no/such: No such file. Does its folder exist?`);
    });
  });

  describe("jump hosts", () => {
    let bastion: Sshd;
    beforeAll(async () => {
      bastion = await startSshd({ hostKeyTypes: ["rsa"] });
    });
    afterAll(() => bastion.stop());
    const via = (): SshTarget => {
      const { host, port, hostKey, identityFile, user } = bastion;
      return { host, port, hostKey, identityFile, user };
    };
    const loginsAt = async (server: Sshd) => (await server.log()).split("Accepted publickey").length - 1;

    it("logs in to both, and closes both", async () => {
      const [atBastion, atTarget] = [await loginsAt(bastion), await loginsAt(sshd)];
      const connection = await connect({ ...target, via: via() });
      expect(await connection.exec(["echo", "through"], { deadlineS: 10 })).toMatchObject({
        stdout: "through\n",
      });
      expect([await loginsAt(bastion), await loginsAt(sshd)]).toEqual([atBastion + 1, atTarget + 1]);
      await connection.close();
      await until(async () => bastion.sessions() === 0);
    });

    it("checks the keys of both, and names the one that is wrong", async () => {
      const wrongBastion = { ...target, via: { ...via(), hostKey: sshd.hostKey } };
      expect(await failure(connect(wrongBastion))).toMatchObject({
        reason: "host-key",
        target: `127.0.0.1:${bastion.port}`,
      });
      const wrongTarget = { ...target, hostKey: bastion.hostKey, via: via() };
      expect(await failure(connect(wrongTarget))).toMatchObject({
        reason: "host-key",
        target: `127.0.0.1:${sshd.port}`,
      });
    });

    it("tells a closed port behind it from the jump host's own", async () => {
      const port = await freePort();
      const error = await failure(connect({ ...target, port, via: via() }));
      expect(error).toMatchObject({ reason: "refused", target: `127.0.0.1:${port}` });
      expect(error.message).toContain("not reached through its jump host");
    });

    it("rejects at once when the jump host breaks", async () => {
      const connection = await connect({ ...target, via: via() });
      const call = failure(connection.exec(["sleep", "60"], { deadlineS: 30 }));
      await new Promise((resolve) => setTimeout(resolve, 100));
      bastion.endSessions();
      expect(await call).toMatchObject({ reason: "lost" });
    });
  });
});

async function strangerKey(folder: string): Promise<string> {
  const file = join(await mkdtemp(join(folder, "key-")), "id");
  await makeKey(file, "ed25519");
  return file;
}

/** A real ssh-agent that holds these keys, until the end of the block. */
async function startAgent(folder: string, files: string[]) {
  const socket = join(await mkdtemp(join(folder, "agent-")), "sock");
  const { stdout } = await run("ssh-agent", ["-s", "-a", socket]);
  const pid = Number(/SSH_AGENT_PID=(\d+)/.exec(stdout)?.[1]);
  for (const file of files) {
    await run("ssh-add", ["-q", file], { env: { ...process.env, SSH_AUTH_SOCK: socket } });
  }
  return {
    socket,
    async [Symbol.asyncDispose]() {
      process.kill(pid);
    },
  };
}
