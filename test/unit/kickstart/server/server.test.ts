import { type ChildProcess, spawn } from "node:child_process";
import * as fs from "node:fs";
import * as net from "node:net";
import * as os from "node:os";
import * as path from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { joinOrStart } from "../../../../kickstart/server/join";
import { BootLog } from "../../../../kickstart/server/log";
import { Registry } from "../../../../kickstart/server/registry";
import {
  type BootServer,
  type BootServerOptions,
  startBootServer,
} from "../../../../kickstart/server/server";
import { MAC } from "./lab";

describe("the boot server as a process", () => {
  let root = "";
  const running: BootServer[] = [];
  const children: ChildProcess[] = [];
  beforeEach(() => {
    root = fs.mkdtempSync(path.join(os.tmpdir(), "labplan-server-"));
  });
  afterEach(async () => {
    for (const server of running.splice(0)) await server.close();
    for (const child of children.splice(0)) child.kill("SIGKILL");
    fs.rmSync(root, { recursive: true, force: true });
  });
  const options = (more: Partial<BootServerOptions> = {}): BootServerOptions => ({
    folder: path.join(root, "boot"),
    bind: "127.0.0.1",
    httpPort: 0,
    tftpPort: 0,
    ...more,
  });
  const start = async (more: Partial<BootServerOptions> = {}): Promise<BootServer> => {
    const server = await startBootServer(options(more));
    running.push(server);
    return server;
  };
  const join = async (more: Partial<BootServerOptions> = {}): Promise<BootServer> => {
    const server = await joinOrStart(options(more));
    running.push(server);
    return server;
  };
  const status = async (port: number, target: string): Promise<number> =>
    (await fetch(`http://127.0.0.1:${port}${target}`)).status;
  const reachable = (address: string, port: number): Promise<boolean> =>
    new Promise((resolve) => {
      const socket = net.connect(port, address);
      socket.once("connect", () => resolve(socket.destroy() && true));
      socket.once("error", () => resolve(false));
    });

  it("trap kickstart-pxe#44: listens on the one address that it was given, without root", async () => {
    const server = await start({ bind: "127.0.0.2", tftpPort: "any" });
    expect(await reachable("127.0.0.2", server.httpPort)).toBe(true);
    expect(await reachable("127.0.0.1", server.httpPort)).toBe(false);
    expect([server.httpPort, server.tftpPort].every((port) => port > 1_023)).toBe(true);
  });

  it("says what to do when it cannot listen", async () => {
    const taken = await start();
    await expect(start({ httpPort: taken.httpPort })).rejects.toThrow(
      `cannot listen on 127.0.0.1, port ${taken.httpPort}: something else listens there. Say another bootServer.httpPort.`,
    );
    await expect(start({ bind: "192.0.2.200" })).rejects.toThrow("this machine has no such address");
    const tftp = await start({ tftpPort: "any" });
    await expect(start({ tftpPort: tftp.tftpPort })).rejects.toThrow("Say another bootServer.tftpPort");
  });

  it("says nothing of itself but that it is there", async () => {
    const server = await start();
    const health = await (await fetch(`http://127.0.0.1:${server.httpPort}/health`)).json();
    expect(health).toEqual({ labplan: "boot", id: expect.stringMatching(/^[0-9a-f]{32}$/), tftp: 0 });
    expect(JSON.stringify(health)).not.toContain(root);
  });

  it("lets two runs of one folder share one server; the second takes over when the first ends", async () => {
    const first = await join();
    const second = await join({ httpPort: first.httpPort });
    expect([first.joined, second.joined]).toEqual([false, true]);
    const { token } = second.registry.begin({ machine: "w1", mac: MAC, purpose: "record", expiresInS: 60 });
    const tell = () =>
      fetch(`http://127.0.0.1:${first.httpPort}/events/booted`, {
        method: "POST",
        headers: { authorization: `Bearer ${token}` },
      });
    expect((await tell()).status).toBe(204);
    expect(second.log.read()).toMatchObject([{ stage: "booted", machine: "w1" }]);
    const port = first.httpPort;
    await first.close();
    for (const end = Date.now() + 8_000; second.joined && Date.now() < end; )
      await new Promise((resolve) => setTimeout(resolve, 50));
    expect([second.joined, second.httpPort]).toEqual([false, port]);
    expect((await tell()).status).toBe(204);
    await second.close();
    expect(await reachable("127.0.0.1", port)).toBe(false);
  }, 15_000);

  it("does not join a stranger's server, nor one without the TFTP that is wanted", async () => {
    const other = await start({ folder: path.join(root, "other") });
    await expect(join({ httpPort: other.httpPort })).rejects.toThrow(
      "the boot server of another lab's folder",
    );
    const plain = await start();
    await expect(join({ httpPort: plain.httpPort, tftpPort: 6_969 })).rejects.toThrow(
      "has no TFTP, and port 6969 is wanted",
    );
    const web = net.createServer((socket) => socket.end("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}"));
    await new Promise<void>((resolve) => web.listen(0, "127.0.0.1", resolve));
    await expect(join({ httpPort: (web.address() as net.AddressInfo).port })).rejects.toThrow(
      "something else listens there",
    );
    web.close();
  }, 15_000);

  it("carries on after kill -9 with the registrations and the log that it had", async () => {
    const folder = path.join(root, "boot");
    const script = `
      const { startBootServer } = require(${JSON.stringify(path.resolve("kickstart/server/server.ts"))});
      startBootServer({ folder: ${JSON.stringify(folder)}, bind: "127.0.0.1", httpPort: 0, tftpPort: 0 })
        .then((server) => process.stdout.write(String(server.httpPort) + "\\n"));`;
    const child = spawn(process.execPath, ["--require", "tsx/cjs", "-e", script], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    children.push(child);
    const port = Number(await new Promise((resolve) => child.stdout?.once("data", resolve)));
    const registry = new Registry(folder);
    const { token, build } = registry.begin({
      machine: "rocky9",
      mac: MAC,
      purpose: "install",
      expiresInS: 60,
      install: { installer: "kickstart", text: "x", kernel: "/k", initrd: "/i", cmdline: "quiet" },
    });
    const headers = { authorization: `Bearer ${token}` };
    expect((await fetch(`http://127.0.0.1:${port}/events/pre`, { method: "POST", headers })).status).toBe(
      204,
    );
    child.kill("SIGKILL");
    await new Promise((resolve) => child.once("exit", resolve));

    // Its last words, cut off; and an event in the log that it did not live to act on.
    const log = new BootLog(folder);
    await log.append({ stage: "installed", machine: "rocky9", build, mac: MAC, address: "127.0.0.1" });
    fs.appendFileSync(log.file, '{"at":"2026-1');
    const next = await start();
    expect(next.registry.byToken(token)?.build).toBe(build);
    expect(await status(next.httpPort, "/ipxe/08-00-27-aa-bb-01")).toBe(404);
    expect(
      (await fetch(`http://127.0.0.1:${next.httpPort}/events/booted`, { method: "POST", headers })).status,
    ).toBe(204);
    expect(
      next.log
        .read()
        .map(({ stage }) => stage)
        .filter((stage) => stage !== "refused"),
    ).toEqual(["pre", "installed", "booted"]);
  }, 15_000);
});
