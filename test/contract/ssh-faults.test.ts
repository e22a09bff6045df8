import { generateKeyPairSync } from "node:crypto";
import { once } from "node:events";
import {
  closeSync,
  fchmodSync,
  mkdtempSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  unlinkSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { type AddressInfo, createServer, type Socket, type Server as TcpServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Connection, Server, type ServerChannel, type Session, type SFTPWrapper, utils } from "ssh2";
import { afterAll, afterEach, describe, expect, it } from "vitest";
import { DeadlineError } from "../../providers/core/errors";
import { connectSsh, proveHostKey, type SshTarget } from "../../providers/ssh/client";

/** Servers that misbehave in ways a real sshd cannot be made to; doubles at the wire. */

const hostKeyPair = utils.generateKeyPairSync("ed25519");
const userKeyPair = utils.generateKeyPairSync("ed25519");
const folder = mkdtempSync(join(tmpdir(), "labplan-ssh-faults-"));
const identityFile = join(folder, "id");
writeFileSync(identityFile, userKeyPair.private);

/** What clients hold open at the moment, at any of our servers. */
const held = new Set<Socket | Connection>();
const closers: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0)) await close();
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const targetAt = (server: TcpServer | Server): SshTarget => ({
  host: "127.0.0.1",
  port: (server.address() as AddressInfo).port,
  hostKey: hostKeyPair.public,
  identityFile,
  agent: false,
  user: "alice",
});

async function tcp(onSocket: (socket: Socket) => void): Promise<SshTarget> {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    held.add(socket);
    socket.on("close", () => held.delete(socket));
    // Else it would not notice that the client is gone.
    socket.resume();
    socket.on("error", () => {});
    onSocket(socket);
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  closers.push(() => {
    for (const socket of sockets) socket.destroy();
    return new Promise((resolve) => server.close(resolve));
  });
  return targetAt(server);
}

interface Behaviour {
  auth?: (context: import("ssh2").AuthContext, connection: Connection) => void;
  session?: (session: Session) => void;
}

async function ssh({ auth = (context) => context.accept(), session }: Behaviour): Promise<SshTarget> {
  const connections = new Set<Connection>();
  const server = new Server({ hostKeys: [hostKeyPair.private] }, (connection) => {
    connections.add(connection);
    held.add(connection);
    connection.on("close", () => held.delete(connection));
    connection.on("error", () => {});
    connection.on("authentication", (context) => auth(context, connection));
    connection.on("ready", () => {
      connection.on("session", (accept) => session?.(accept()));
    });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  closers.push(() => {
    for (const connection of connections) connection.end();
    return new Promise((resolve) => server.close(resolve));
  });
  return targetAt(server);
}

const failure = async (work: Promise<unknown>): Promise<Error & { tookMs: number }> => {
  const started = performance.now();
  const error = await work.then(
    () => {
      throw new Error("it did not fail");
    },
    (reason: Error) => reason,
  );
  return Object.assign(error, { tookMs: performance.now() - started });
};
const onExec = (act: (channel: ServerChannel, command: string) => void) => (session: Session) =>
  session.on("exec", (accept, _reject, info) => act(accept(), info.command));

describe("before the login", () => {
  it("gives up on a server that accepts the connection and says nothing", async () => {
    const error = await failure(connectSsh(await tcp(() => {}), { readyTimeoutS: 0.3 }));
    expect(error).toMatchObject({ reason: "timeout" });
    expect(error.message).toContain("connected, but the server said nothing for 0.3 s");
    expect(error.tookMs).toBeLessThan(1_000);
  });

  it("gives up on a server that stops after its greeting", async () => {
    const target = await tcp((socket) => socket.write("SSH-2.0-stuck\r\n"));
    const error = await failure(connectSsh(target, { readyTimeoutS: 0.3 }));
    expect(error).toMatchObject({ reason: "timeout" });
    expect(error.message).toContain("the login was not done after 0.3 s");
  });

  it("fails at once when the server hangs up", async () => {
    const error = await failure(connectSsh(await tcp((socket) => socket.end())));
    expect(error).toMatchObject({ reason: "lost" });
    expect(error.tookMs).toBeLessThan(1_000);
    const greeted = await tcp((socket) => socket.end("SSH-2.0-full\r\n"));
    expect(await failure(connectSsh(greeted))).toMatchObject({ reason: "lost" });
  });

  it("tells another protocol from SSH", async () => {
    const target = await tcp((socket) =>
      socket.write("HTTP/1.1 400 Bad Request\r\nServer: x\r\n\r\n".repeat(400)),
    );
    const error = await failure(connectSsh(target, { readyTimeoutS: 3 }));
    expect(error).toMatchObject({ reason: "protocol" });
    expect(error.message).toContain("Is this the port of an SSH server");
  });
});

describe("in the login", () => {
  it("gives up on a server that never answers it", async () => {
    const error = await failure(connectSsh(await ssh({ auth: () => {} }), { readyTimeoutS: 0.5 }));
    expect(error).toMatchObject({ reason: "timeout" });
    expect(error.message).toContain("the login was not done");
  });

  it("does not call it refused when the server hangs up in it, as one that is booting does", async () => {
    const error = await failure(connectSsh(await ssh({ auth: (_, connection) => connection.end() })));
    expect(error).toMatchObject({ reason: "lost" });
    expect(error.message).toContain("still booting");
  });

  it("says that the server wants more than a key", async () => {
    const target = await ssh({
      auth: (context) =>
        context.method === "publickey" ? context.reject(["password"], true) : context.reject(),
    });
    const error = await failure(connectSsh(target));
    expect(error).toMatchObject({ reason: "login" });
    expect(error.message).toContain("it took a key and wants more: password");
  });

  it("proves a host's key without logging in, and without any key of ours", async () => {
    let attempts = 0;
    const target = await ssh({
      auth: (context) => {
        attempts++;
        context.reject();
      },
    });
    const { identityFile: _, user: __, ...bare } = target;
    const proven = await proveHostKey(bare);
    expect(`${proven.type} ${proven.key}`).toBe(hostKeyPair.public.trim());
    expect(attempts).toBe(0);
    const wrong = utils.generateKeyPairSync("ed25519").public;
    expect(await failure(proveHostKey({ ...bare, hostKey: wrong }))).toMatchObject({ reason: "host-key" });
  });

  it("says what to do with a private key in a format it cannot read", async () => {
    const target = await ssh({});
    const file = join(folder, "pkcs8");
    const { privateKey } = generateKeyPairSync("ed25519");
    writeFileSync(file, privateKey.export({ type: "pkcs8", format: "pem" }));
    const error = await failure(connectSsh({ ...target, identityFile: file }));
    expect(error.message).toContain(`ssh-keygen -p -f ${file}`);
    const locked = privateKey.export({
      type: "pkcs8",
      format: "pem",
      cipher: "aes-256-cbc",
      passphrase: "x",
    });
    writeFileSync(file, locked);
    expect((await failure(connectSsh({ ...target, identityFile: file }))).message).toContain(
      `ssh-add ${file}`,
    );
    const missing = await failure(connectSsh({ ...target, identityFile: join(folder, "none") }));
    expect(missing.message).toContain("no such file");
  });
});

describe("an abort", () => {
  const stages: [string, () => Promise<SshTarget>][] = [
    ["before the greeting", () => tcp(() => {})],
    ["in the handshake", () => tcp((socket) => socket.write("SSH-2.0-stuck\r\n"))],
    ["in the login", () => ssh({ auth: () => {} })],
  ];
  it.each(stages)("%s ends the attempt within 100 ms and leaves no connection", async (_, start) => {
    const target = await start();
    expect(held.size).toBe(0);
    const controller = new AbortController();
    const attempt = failure(connectSsh(target, { signal: controller.signal }));
    await new Promise((resolve) => setTimeout(resolve, 150));
    const at = performance.now();
    controller.abort(new Error("the engine is gone"));
    expect((await attempt).message).toBe("the engine is gone");
    expect(performance.now() - at).toBeLessThan(100);
    await new Promise((resolve) => setTimeout(resolve, 100));
    expect(held.size).toBe(0);
  });

  it("that came before is obeyed without a connection", async () => {
    let connections = 0;
    const target = await tcp(() => connections++);
    await failure(connectSsh(target, { signal: AbortSignal.abort(new Error("too late")) }));
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(connections).toBe(0);
  });

  it("of a command that the server never starts ends it within 100 ms", async () => {
    const connection = await connectSsh(
      await ssh({ session: (session) => void session.on("exec", () => {}) }),
    );
    closers.push(() => connection.close());
    const controller = new AbortController();
    const call = failure(connection.exec(["true"], { deadlineS: 30, signal: controller.signal }));
    await new Promise((resolve) => setTimeout(resolve, 100));
    const at = performance.now();
    controller.abort();
    expect((await call).name).toBe("AbortError");
    expect(performance.now() - at).toBeLessThan(100);
  });

  it("of a file transfer stops it, and nothing gets its name", async () => {
    let writes = 0;
    const connection = await connectSsh(
      await ssh({
        session: (session) => void session.on("sftp", (accept) => files(accept(), () => writes++)),
      }),
    );
    closers.push(() => connection.close());
    const controller = new AbortController();
    const path = join(folder, "aborted");
    const call = failure(
      connection.writeFile(path, Buffer.alloc(20_000_000), 0o600, { signal: controller.signal }),
    );
    while (writes === 0) await new Promise((resolve) => setTimeout(resolve, 5));
    controller.abort();
    expect((await call).name).toBe("AbortError");
    await new Promise((resolve) => setTimeout(resolve, 200));
    expect(() => statSync(path)).toThrow(/ENOENT/);
    expect(() => statSync(`${path}.labplan-part`)).toThrow(/ENOENT/);
  });
});

describe("commands", () => {
  const connect = async (session: (session: Session) => unknown) => {
    const connection = await connectSsh(await ssh({ session }));
    closers.push(() => connection.close());
    return connection;
  };

  it("has a deadline for a server that never starts it", async () => {
    const connection = await connect((session) => session.on("exec", () => {}));
    expect(await failure(connection.exec(["true"], { deadlineS: 0.2 }))).toBeInstanceOf(DeadlineError);
  });

  it("hears an exit that comes with the first packet", async () => {
    const connection = await connect(
      onExec((channel) => {
        channel.write("out");
        channel.stderr.write("labplan-pid:7\nerr");
        channel.exit(5);
        channel.end();
      }),
    );
    const results = await Promise.all(
      Array.from({ length: 20 }, () => connection.exec(["x"], { deadlineS: 5 })),
    );
    for (const result of results) expect(result).toEqual({ code: 5, stdout: "out", stderr: "err" });
  });

  it("takes an end without a status for a loss, not for success", async () => {
    const connection = await connect(onExec((channel) => channel.end()));
    const error = await failure(connection.exec(["x"], { deadlineS: 5 }));
    expect(error).toMatchObject({ reason: "lost" });
    expect(error.message).toContain("is not known");
    // The connection itself is well.
    expect(connection.ended.aborted).toBe(false);
  });

  it("sends stdin over the channel and never in the command line", async () => {
    const seen: string[] = [];
    const connection = await connect(
      onExec((channel, command) => {
        seen.push(command);
        const input: Buffer[] = [];
        channel.on("data", (chunk: Buffer) => input.push(chunk));
        channel.on("end", () => {
          channel.write(`${Buffer.concat(input).length}`);
          channel.exit(0);
          channel.end();
        });
      }),
    );
    const result = await connection.exec(["chpasswd"], { stdin: "canary-secret", deadlineS: 5 });
    expect(result.stdout).toBe("13");
    expect(seen.join()).not.toContain("canary");
  });

  it("keeps below ten sessions at once, sshd's MaxSessions", async () => {
    let [now, most] = [0, 0];
    const connection = await connect(
      onExec((channel) => {
        most = Math.max(most, ++now);
        setTimeout(() => {
          now--;
          channel.exit(0);
          channel.end();
        }, 20);
      }),
    );
    await Promise.all(Array.from({ length: 40 }, () => connection.exec(["x"], { deadlineS: 20 })));
    expect(most).toBeGreaterThan(1);
    expect(most).toBeLessThan(10);
  });

  it("asks again when the server has no session free, and not when it forbids them", async () => {
    let refusals = 3;
    const server = new Server({ hostKeys: [hostKeyPair.private] }, (connection) => {
      connection.on("error", () => {});
      connection.on("authentication", (context) => context.accept());
      connection.on("ready", () =>
        connection.on("session", (accept, reject) => {
          if (refusals-- > 0) return reject();
          return onExec((channel) => {
            channel.exit(0);
            channel.end();
          })(accept());
        }),
      );
    });
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    const connection = await connectSsh(targetAt(server));
    closers.push(async () => {
      await connection.close();
      server.close();
    });
    expect(await connection.exec(["x"], { deadlineS: 5 })).toMatchObject({ code: 0 });
    expect(refusals).toBe(-1);
  });
});

describe("files", () => {
  it("replaces a file on a server that has only the plain rename", async () => {
    const connection = await connectSsh(
      await ssh({ session: (session) => void session.on("sftp", (accept) => files(accept())) }),
    );
    closers.push(() => connection.close());
    const path = join(folder, "plain");
    await connection.writeFile(path, "one", 0o600);
    await connection.writeFile(path, "two", 0o640);
    expect(readFileSync(path, "utf8")).toBe("two");
    expect(statSync(path).mode & 0o777).toBe(0o640);
  });

  it("has a deadline for a server that never answers, and works again afterwards", async () => {
    let sessions = 0;
    const connection = await connectSsh(
      await ssh({
        session: (session) =>
          void session.on("sftp", (accept) => {
            if (sessions++ > 0) files(accept());
          }),
      }),
    );
    closers.push(() => connection.close());
    const path = join(folder, "slow");
    expect(await failure(connection.writeFile(path, "x", 0o600, { deadlineS: 0.2 }))).toBeInstanceOf(
      DeadlineError,
    );
    await connection.writeFile(path, "x", 0o600, { deadlineS: 5 });
    expect(readFileSync(path, "utf8")).toBe("x");
  });
});

/** A bare SFTP server on real files: no extensions, and a rename that refuses a taken name. */
function files(sftp: SFTPWrapper, onWrite: () => void = () => {}): void {
  const { OK, FAILURE, NO_SUCH_FILE } = utils.sftp.STATUS_CODE;
  const attempt = (id: number, action: () => void) => {
    try {
      action();
      sftp.status(id, OK);
    } catch (error) {
      sftp.status(id, (error as NodeJS.ErrnoException).code === "ENOENT" ? NO_SUCH_FILE : FAILURE);
    }
  };
  const fdOf = (handle: Buffer) => handle.readUInt32BE(0);
  sftp.on("OPEN", (id, path, flags, attributes) => {
    const handle = Buffer.alloc(4);
    handle.writeUInt32BE(openSync(path, utils.sftp.flagsToString(flags) ?? "wx", attributes.mode));
    sftp.handle(id, handle);
  });
  sftp.on("FSETSTAT", (id, handle, attributes) =>
    attempt(id, () => fchmodSync(fdOf(handle), attributes.mode)),
  );
  sftp.on("WRITE", (id, handle, offset, data) =>
    setTimeout(() => {
      onWrite();
      attempt(id, () => writeSync(fdOf(handle), data, 0, data.length, offset));
    }, 1),
  );
  sftp.on("CLOSE", (id, handle) => attempt(id, () => closeSync(fdOf(handle))));
  sftp.on("REMOVE", (id, path) => attempt(id, () => unlinkSync(path)));
  sftp.on("RENAME", (id, from, to) =>
    attempt(id, () => {
      if (statSync(to, { throwIfNoEntry: false })) throw new Error("taken");
      renameSync(from, to);
    }),
  );
}
