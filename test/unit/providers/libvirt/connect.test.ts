import { spawn } from "node:child_process";
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { closePool, connectLibvirt, libvirtFor } from "../../../../providers/libvirt/connect";
import type { Packet } from "../../../../providers/libvirt/rpc/framing";
import { FakeServer } from "./rpc/fake-server";

describe("connecting to a libvirt URI", () => {
  let folder: string;
  const servers: Server[] = [];
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "labplan-connect-"));
  });
  afterEach(async () => {
    await closePool();
    for (const server of servers.splice(0)) await new Promise((resolve) => server.close(resolve));
    rmSync(folder, { recursive: true, force: true });
  });

  const uri = (file = "sock") => `qemu+unix:///system?socket=${join(folder, file)}`;

  /** A libvirtd that answers each call with nothing, or as `answer` does. */
  const serve = async (answer: (server: FakeServer, call: Packet) => void = (s, call) => s.reply(call)) => {
    let links = 0;
    const server = createServer((socket) => {
      links++;
      const fake = new FakeServer();
      fake.onPacket = (packet) => answer(fake, packet);
      socket.on("error", () => {});
      socket.pipe(fake.stream).pipe(socket);
    });
    servers.push(server);
    await new Promise<void>((resolve) => server.listen(join(folder, "sock"), resolve));
    return { links: () => links };
  };

  it("says where it looked when there is no socket", async () => {
    await expect(connectLibvirt(uri())).rejects.toMatchObject({
      name: "BackendError",
      message: expect.stringMatching(/there is no socket .*sock. Is libvirtd running/),
    });
  });

  it("says that nobody listens on a socket that was left behind", async () => {
    writeFileSync(join(folder, "sock"), "");
    await expect(connectLibvirt(uri())).rejects.toThrow(/nobody listens on .*systemctl restart libvirtd/);
  });

  it("says that a path is too long for a socket", async () => {
    await expect(connectLibvirt(uri("x".repeat(120)))).rejects.toThrow(/longer than 107 bytes/);
  });

  it.skipIf(process.getuid?.() !== 0)(
    "names the group when the socket lets only its members in",
    async () => {
      await serve();
      chmodSync(folder, 0o711);
      chmodSync(join(folder, "sock"), 0o700);
      const code = `require("tsx/cjs"); process.setgid(65534); process.setuid(65534);
      require("./providers/libvirt/connect.ts").connectLibvirt(${JSON.stringify(uri())}).catch((e) => console.log(e.message));`;
      expect(await output(code)).toMatch(/permission denied on .*usermod -aG libvirt/);
    },
  );

  it("names the group when the policy refuses", async () => {
    await serve((server, call) => {
      if (call.procedure === 66) server.reply(call, (body) => body.array([2], (w, type) => w.i32(type)));
      else server.refuse(call, 45, "authentication failed: access denied by policy");
    });
    await expect(connectLibvirt(uri())).rejects.toMatchObject({
      name: "BackendError",
      message: expect.stringMatching(/does not let this user in .*usermod -aG libvirt/),
    });
  });

  it("says that libvirt answers and has no such driver", async () => {
    await serve((server, call) => {
      if (call.procedure === 1) server.refuse(call, 5, "no connection driver available for qemu:///system");
      else server.reply(call, (body) => body.u32(0));
    });
    await expect(connectLibvirt(uri())).rejects.toThrow(
      /cannot open "qemu:\/\/\/system": no connection driver/,
    );
  });

  it("finds what it loads on demand in plain node too, as the provider process is", async () => {
    const code = `require("tsx/cjs");
      require("./providers/libvirt/connect.ts").connectLibvirt("qemu+ssh://127.0.0.1:1/system", { hostKey: "ssh-ed25519 ${"A".repeat(68)}" })
        .catch((error) => console.log(error.name, error.code ?? "", error.message));`;
    const text = await output(code);
    expect(text).not.toMatch(/MODULE_NOT_FOUND|Cannot find/);
    expect(text).toContain("127.0.0.1:1");
  });

  it("goes through the embedded lab's socket for embedded:", async () => {
    await serve((server, call) => server.reply(call, (body) => body.string("")));
    const embedded = async () => ({ libvirtSocket: join(folder, "sock") });
    const client = await connectLibvirt("embedded:", { embedded });
    expect(await client.hostName()).toBe("");
    await client.close();
  });

  describe("the pool", () => {
    it("shares one link among all who ask for it at once", async () => {
      const { links } = await serve((server, call) => server.reply(call, (body) => body.string("")));
      const clients = await Promise.all([libvirtFor(uri()), libvirtFor(uri()), libvirtFor(uri())]);
      expect(new Set(clients).size).toBe(1);
      await Promise.all(clients.map((client) => client.hostName()));
      expect(links()).toBe(1);
    });

    it("tries a link that could not be made again for the next who asks", async () => {
      await expect(libvirtFor(uri())).rejects.toThrow(/there is no socket/);
      await serve((server, call) => server.reply(call, (body) => body.string("")));
      expect(await (await libvirtFor(uri())).hostName()).toBe("");
    });

    it("ends its link when the signal of any who uses it aborts, and not before", async () => {
      const { links } = await serve((server, call) => server.reply(call, (body) => body.string("")));
      const abort = new AbortController();
      const client = await libvirtFor(uri(), { signal: abort.signal });
      await client.hostName();
      abort.abort();
      await client.hostName();
      expect(links()).toBe(2);
      await expect(libvirtFor(uri(), { signal: abort.signal })).rejects.toThrow(/abort/i);
    });

    it("does not keep a process alive that has nothing under way, and does while it has", async () => {
      await serve((server, call) => {
        if (call.procedure === 59) setTimeout(() => server.reply(call, (body) => body.string("rack")), 300);
        else server.reply(call, (body) => body.u32(0));
      });
      const code = `require("tsx/cjs");
        const { libvirtFor } = require("./providers/libvirt/connect.ts");
        libvirtFor(${JSON.stringify(uri())}).then((client) => client.hostName()).then((name) => console.log(name, "then idle"));`;
      const before = Date.now();
      expect(await output(code)).toBe("rack then idle\n");
      expect(Date.now() - before).toBeLessThan(10_000);
    });
  });
});

/** What a node process of its own prints until it ends by itself. */
function output(code: string): Promise<string> {
  const child = spawn(process.execPath, ["-e", code], {
    stdio: ["ignore", "pipe", "inherit"],
    timeout: 15_000,
  });
  let text = "";
  child.stdout.on("data", (chunk) => {
    text += chunk;
  });
  return new Promise((resolve, reject) => {
    child.once("close", (status, signal) =>
      status === 0 ? resolve(text) : reject(new Error(`${signal ?? status}: ${text}`)),
    );
  });
}
