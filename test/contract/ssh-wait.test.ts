import { once } from "node:events";
import { appendFile, mkdtemp, readFile, rm } from "node:fs/promises";
import { type AddressInfo, connect, createServer, type Server, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { DeadlineError } from "../../providers/core/errors";
import type { SshTarget } from "../../providers/ssh/client";
import type { Clock } from "../../providers/ssh/clock";
import { waitForSsh } from "../../providers/ssh/wait";
import { freePort } from "../systems/loopback";
import { available, makeKey, type Sshd, startSshd } from "../systems/ssh/start";

/** A clock on which a second takes 1/20 s. */
const SPEED = 20;
const fast: Clock = {
  now: () => performance.now() * SPEED,
  timer(ms, action) {
    const handle = setTimeout(action, ms / SPEED);
    return () => clearTimeout(handle);
  },
};
const sleepS = (seconds: number) => new Promise((resolve) => setTimeout(resolve, (seconds * 1_000) / SPEED));
const failure = (work: Promise<unknown>): Promise<Error & { reason?: string }> =>
  work.then(
    () => {
      throw new Error("it did not fail");
    },
    (error: Error) => error,
  );

describe.skipIf(available())("waiting for SSH", () => {
  let folder: string;
  let identityFile: string;
  let publicLine: string;
  const started: Sshd[] = [];
  const start = async (options: Parameters<typeof startSshd>[0] = {}) => {
    const sshd = await startSshd(options);
    started.push(sshd);
    return sshd;
  };
  const targetAt = (sshd: Sshd): SshTarget => {
    const { host, port, hostKey, user } = sshd;
    return { host, port, hostKey, user, identityFile: sshd.identityFile, agent: false };
  };

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "labplan-ssh-wait-"));
    identityFile = join(folder, "id");
    publicLine = await makeKey(identityFile, "ed25519");
  });
  afterEach(async () => {
    await Promise.all(started.splice(0).map((sshd) => sshd.stop()));
  });
  afterAll(() => rm(folder, { recursive: true }));

  it("trap libvirt#11: waits for a login, not for a fixed time, through a closed port", async () => {
    const port = await freePort();
    const said: string[] = [];
    const sshd = await start();
    const target = { ...targetAt(sshd), port };
    const { relay, close } = relayTo(sshd.port);
    try {
      const wait = waitForSsh(target, { timeoutS: 120, onProgress: (line) => said.push(line), clock: fast });
      await sleepS(5);
      await listen(relay, port);
      await wait;
    } finally {
      close();
    }
    expect(said.length).toBeGreaterThanOrEqual(2);
    expect(new Set(said.map((line) => line.replace(/, \d+ s$/, "")))).toEqual(
      new Set(["waiting for SSH: port closed"]),
    );
    expect(await sshd.log()).toContain("Accepted publickey");
  });

  it("goes on through a port that a hypervisor accepts before the guest is up", async () => {
    const sshd = await start();
    const { relay, close, sockets } = relayTo(sshd.port);
    let dead = 2;
    relay.prependListener("connection", (socket: Socket) => {
      if (dead-- > 0) socket.destroy();
    });
    const port = await listen(relay);
    const said: string[] = [];
    try {
      await waitForSsh(
        { ...targetAt(sshd), port },
        { timeoutS: 120, onProgress: (line) => said.push(line), clock: fast },
      );
    } finally {
      close();
    }
    expect(said.join()).toContain("connection closed");
    expect(sockets.size).toBe(0);
  });

  it("gives up at the deadline with the last reason", async () => {
    const port = await freePort();
    const at = fast.now();
    const target: SshTarget = { host: "127.0.0.1", port, user: "alice", identityFile, agent: false };
    const error = await failure(waitForSsh(target, { timeoutS: 10, clock: fast }));
    expect(error).toBeInstanceOf(DeadlineError);
    expect(error.message).toMatch(
      /^127\.0\.0\.1:\d+: no SSH login as "alice" within 10 s; the last attempt said: connection to port \d+ refused\./,
    );
    expect(error.cause).toMatchObject({ reason: "refused" });
    const tookS = (fast.now() - at) / 1_000;
    expect(tookS).toBeGreaterThanOrEqual(9);
    expect(tookS).toBeLessThan(14);
  });

  it("gives up at the deadline also when the port is open and silent", async () => {
    const { relay, close } = relayTo(0);
    const port = await listen(relay);
    const at = fast.now();
    try {
      const error = await failure(waitForSsh({ host: "127.0.0.1", port }, { timeoutS: 40, clock: fast }));
      expect(error.message).toMatch(
        /no SSH within 40 s; .*connected, but the server said nothing for \d+(\.\d)? s\./,
      );
    } finally {
      close();
    }
    expect((fast.now() - at) / 1_000).toBeLessThan(45);
  });

  it("stops at once for a wrong host key", async () => {
    const sshd = await start();
    const said: string[] = [];
    const target = { ...targetAt(sshd), hostKey: publicLine };
    const error = await failure(waitForSsh(target, { timeoutS: 600, onProgress: (line) => said.push(line) }));
    expect(error).toMatchObject({ reason: "host-key" });
    expect(error.message).toContain("CHANGED");
    expect(said).toEqual([]);
  });

  it("stops at once for a key of ours that cannot be used", async () => {
    const sshd = await start();
    const target = { ...targetAt(sshd), identityFile: join(folder, "no-such-key") };
    expect(await failure(waitForSsh(target, { timeoutS: 600 }))).toMatchObject({ reason: "no-key" });
  });

  it("waits while cloud-init has not put our key in place yet", async () => {
    const sshd = await start();
    const said: string[] = [];
    const target = { ...targetAt(sshd), identityFile };
    const wait = waitForSsh(target, { timeoutS: 300, onProgress: (line) => said.push(line), clock: fast });
    await sleepS(8);
    await appendFile(sshd.authorizedKeys, `${publicLine}\n`);
    await wait;
    expect(said.length).toBeGreaterThanOrEqual(1);
    expect(said[0]).toContain("login refused");
  });

  it("stops when the login is still refused after the grace period, long before the deadline", async () => {
    const sshd = await start();
    const at = fast.now();
    const error = await failure(
      waitForSsh({ ...targetAt(sshd), identityFile }, { timeoutS: 600, clock: fast }),
    );
    expect(error).toMatchObject({ reason: "login" });
    const tookS = (fast.now() - at) / 1_000;
    expect(tookS).toBeGreaterThanOrEqual(60);
    expect(tookS).toBeLessThan(90);
  });

  it("does not give a jump host that grace", async () => {
    const [sshd, bastion] = [await start(), await start()];
    const via = { ...targetAt(bastion), identityFile };
    const said: string[] = [];
    const wait = waitForSsh(
      { ...targetAt(sshd), via },
      { timeoutS: 600, onProgress: (line) => said.push(line), clock: fast },
    );
    expect(await failure(wait)).toMatchObject({ reason: "login", target: `127.0.0.1:${bastion.port}` });
    expect(said).toEqual([]);
  });

  it("without a user is content with the proven host key, and needs no key of ours", async () => {
    const sshd = await start();
    const { host, port, hostKey } = sshd;
    await waitForSsh({ host, port, hostKey, identityFile: join(folder, "no-such-key") }, { timeoutS: 10 });
    expect(await readFile(join(sshd.folder, "sshd.log"), "utf8")).not.toContain("Accepted");
  });

  it("ends within 100 ms of an abort, also between two attempts", async () => {
    const port = await freePort();
    const controller = new AbortController();
    const options = { timeoutS: 600, signal: controller.signal };
    const wait = failure(waitForSsh({ host: "127.0.0.1", port }, options));
    await new Promise((resolve) => setTimeout(resolve, 300));
    const at = performance.now();
    controller.abort(new Error("the engine is gone"));
    expect((await wait).message).toBe("the engine is gone");
    expect(performance.now() - at).toBeLessThan(100);
  });
});

async function listen(server: Server, port = 0): Promise<number> {
  server.listen(port, "127.0.0.1");
  await once(server, "listening");
  return (server.address() as AddressInfo).port;
}

/** A TCP relay to a local port (0: to nowhere), not listening yet. */
function relayTo(port: number): { relay: Server; sockets: Set<Socket>; close: () => void } {
  const sockets = new Set<Socket>();
  const relay = createServer((socket) => {
    sockets.add(socket);
    socket.on("close", () => sockets.delete(socket));
    socket.on("error", () => {});
    if (port === 0 || socket.destroyed) return;
    const inner = connect(port, "127.0.0.1");
    inner.on("error", () => socket.destroy());
    socket.on("close", () => inner.destroy());
    inner.on("close", () => socket.destroy());
    socket.pipe(inner).pipe(socket);
  });
  const close = () => {
    for (const socket of sockets) socket.destroy();
    relay.close();
  };
  return { relay, sockets, close };
}
