import { spawn, spawnSync } from "node:child_process";
import * as fs from "node:fs";
import * as net from "node:net";
import * as path from "node:path";
import { afterEach, describe, expect, it } from "vitest";
import { placesOf } from "../../embedded/places";
import { embeddedMachines, embeddedStatus, ensureEmbedded, stopEmbedded } from "../../embedded/start";
import {
  addressOf,
  connectTo,
  defineMachine,
  hasEnded,
  keyPair,
  login,
  makeHome,
  until,
} from "./embedded.fixtures";

const isRoot = process.getuid?.() === 0;
const isLinux = process.platform === "linux";
const START = path.resolve(__dirname, "../../embedded/start.ts");

/** What a process of its own says when it asks for the lab. */
const starter = (home: string) =>
  `require(${JSON.stringify(START)}).ensureEmbedded({ home: ${JSON.stringify(home)} }).then((lab) => console.log(lab.pid))`;

function runStarter(home: string, env: NodeJS.ProcessEnv = process.env): Promise<string> {
  const child = spawn(process.execPath, ["--require", "tsx/cjs", "-e", starter(home)], {
    env,
    stdio: ["ignore", "pipe", "inherit"],
  });
  let out = "";
  child.stdout.on("data", (data) => {
    out += data;
  });
  return new Promise((resolve) => child.on("close", () => resolve(out.trim())));
}

describe("the embedded lab's daemon", () => {
  const cleanups: (() => Promise<void> | void)[] = [];
  const newHome = (): string => {
    const { home, remove } = makeHome();
    cleanups.push(remove);
    return home;
  };
  afterEach(async () => {
    for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
    delete process.env.LABPLAN_EMBEDDED_IDLE_MS;
  });

  it("is started by the first who needs it, and found by the next", async () => {
    const home = newHome();
    expect(await embeddedStatus({ home })).toBeUndefined();
    const lab = await ensureEmbedded({ home });
    expect((await ensureEmbedded({ home })).pid).toBe(lab.pid);
    expect(await embeddedStatus({ home })).toMatchObject({
      pid: lab.pid,
      connections: 0,
      runningMachines: 0,
    });
  });

  it("is one, when several processes start it at once", async () => {
    const home = newHome();
    const pids = await Promise.all([runStarter(home), runStarter(home), runStarter(home)]);
    expect(new Set(pids).size).toBe(1);
    expect(Number(pids[0])).toBe((await ensureEmbedded({ home })).pid);
  });

  it("does not keep a pipe open that its starter writes to", async () => {
    const home = newHome();
    // Ends only when nobody holds the pipe any more: as `npm run … | cat` does.
    const began = Date.now();
    const pid = Number(await runStarter(home));
    expect(Date.now() - began).toBeLessThan(20_000);
    expect(hasEnded(pid)).toBe(false);
    if (!isLinux) return;
    const stdio = ["0", "1", "2"].map((fd) => fs.readlinkSync(`/proc/${pid}/fd/${fd}`));
    expect(stdio).toEqual(["/dev/null", expect.stringMatching(/\.log$/), expect.stringMatching(/\.log$/)]);
  });

  it("has nothing of its starter's environment but what it needs", async () => {
    const home = newHome();
    const pid = await runStarter(home, { ...process.env, PULUMI_CONFIG_PASSPHRASE: "canary-7781" });
    if (isLinux) expect(fs.readFileSync(`/proc/${pid}/environ`, "latin1")).not.toContain("canary-7781");
  });

  it.runIf(isRoot && isLinux)("never runs as root, nor does anything that it starts", async () => {
    const home = newHome();
    const { pid } = await ensureEmbedded({ home });
    const status = fs.readFileSync(`/proc/${pid}/status`, "utf8");
    const ids = (name: string) =>
      new RegExp(`^${name}:[ \\t]*(.*)$`, "m").exec(status)?.[1]?.trim().split(/\s+/) ?? [];
    expect([...ids("Uid"), ...ids("Gid")]).not.toContain("0");
    expect(ids("Groups").filter(Boolean)).toEqual([]);
    const children = spawnSync("ps", ["-o", "uid=", "--ppid", String(pid)], {
      encoding: "utf8",
    }).stdout.trim();
    expect(children.split(/\s+/)).not.toContain("0");
  });

  it.runIf(isRoot)(
    "keeps its state where it can reach it, when root's project lies in a closed folder",
    async () => {
      const folder = fs.mkdtempSync("/var/tmp/labplan-closed-");
      const home = path.join(folder, ".labplan", "embedded");
      cleanups.push(async () => {
        await stopEmbedded({ home, forget: true });
        fs.rmSync(folder, { recursive: true, force: true });
      });
      const lab = await ensureEmbedded({ home });
      expect(lab.home.startsWith(folder)).toBe(false);
      const { uid, mode } = fs.statSync(lab.home);
      expect([uid, mode & 0o777]).toEqual([65534, 0o700]);
      await stopEmbedded({ home });
      expect((await ensureEmbedded({ home })).home).toBe(lab.home);
    },
  );

  it("lets nobody else reach its sockets", async () => {
    const home = newHome();
    const { libvirtSocket } = await ensureEmbedded({ home });
    expect(Buffer.byteLength(libvirtSocket)).toBeLessThan(104);
    expect(fs.statSync(path.dirname(libvirtSocket)).mode & 0o777).toBe(0o700);
  });

  it("ends when nobody has used it for a while, and not while somebody is connected", async () => {
    process.env.LABPLAN_EMBEDDED_IDLE_MS = "300";
    const home = newHome();
    const client = await connectTo(home);
    const { pid } = await ensureEmbedded({ home });
    await new Promise((resolve) => setTimeout(resolve, 700));
    expect(hasEnded(pid)).toBe(false);
    await client.close();
    await until("the daemon ends", async () => hasEnded(pid));
  });

  it("does not end while a machine runs", async () => {
    process.env.LABPLAN_EMBEDDED_IDLE_MS = "300";
    const home = newHome();
    const client = await connectTo(home);
    const domain = await defineMachine(client, {
      name: "w1",
      mac: "52:54:00:00:00:05",
      publicKey: keyPair().publicKey,
    });
    const { pid } = await ensureEmbedded({ home });
    await client.domainStart(domain);
    await client.close();
    await new Promise((resolve) => setTimeout(resolve, 900));
    expect(hasEnded(pid)).toBe(false);
  });

  it("forgets nothing that it confirmed when it is killed, and runs its machines again", async () => {
    const home = newHome();
    const key = keyPair();
    const client = await connectTo(home);
    const domain = await defineMachine(client, {
      name: "w1",
      mac: "52:54:00:00:00:05",
      publicKey: key.publicKey,
    });
    await client.domainSetAutostart(domain, true);
    await client.domainStart(domain);
    const first = await login(await addressOf(home, "w1"), key);
    await first.run("echo kept > ~/file; sleep 1000 < /dev/null > /dev/null 2>&1 &");
    first.end();
    const before = await ensureEmbedded({ home });
    const xml = await client.domainXml(domain, { inactive: true });
    process.kill(before.pid, "SIGKILL");
    await until("the daemon is dead", async () => hasEnded(before.pid));
    await client.close().catch(() => undefined);

    const again = await connectTo(home);
    const found = await again.domainByUuid(domain.uuid);
    expect(found).toMatchObject({ name: "w1" });
    expect(await again.domainXml(domain, { inactive: true })).toBe(xml);
    expect(await again.domainAutostart(domain)).toBe(true);
    expect(await again.domainState(domain)).toBe("running");
    const second = await login(await addressOf(home, "w1"), key);
    expect((await second.run("cat ~/file")).out).toBe("kept\n");
    // What ran inside the old one's sandbox went down with it.
    expect((await second.run("ps ax | grep -c '[s]leep 1000'")).out.trim()).toBe("0");
    second.end();
    await again.close();
  });

  it("gives way to a daemon of today's code", async () => {
    const home = newHome();
    const places = placesOf(home);
    // A daemon of another version, as far as the control socket tells.
    const program = `require("node:net").createServer((link) => link.on("data", (data) => {
      const stop = String(data).includes("stop");
      link.end(JSON.stringify(stop ? { stopping: true } : { version: "old", pid: process.pid }) + "\\n", () => stop && process.exit(0));
    })).listen(${JSON.stringify(places.controlSocket)}, () => console.log("up"))`;
    const old = spawn(process.execPath, ["-e", program], { stdio: ["ignore", "pipe", "inherit"] });
    await new Promise((resolve) => old.stdout.once("data", resolve));
    const { pid } = await ensureEmbedded({ home });
    expect(pid).not.toBe(old.pid);
    expect(old.exitCode).toBe(0);
  });

  it("tells why it could not start, with the end of its log", async () => {
    const { home, remove } = makeHome();
    // A file where the state folder should be.
    fs.writeFileSync(home, "");
    await expect(ensureEmbedded({ home })).rejects.toThrow(/did not start: it ended with code 1[\s\S]*home/);
    await remove();
  });

  it("acts out scripted faults, from the call that the script names", async () => {
    const home = newHome();
    const lab = await ensureEmbedded({ home });
    const script = (rules: object[]) =>
      fs.writeFileSync(path.join(lab.home, "faults.json"), JSON.stringify(rules));
    const client = await connectTo(home);
    script([{ procedure: "connectGetHostname", nth: 2, do: "error", code: 38, message: "disk on fire" }]);
    await client.hostName();
    await expect(client.hostName()).rejects.toMatchObject({ code: 38, message: "disk on fire" });
    await client.hostName();

    script([{ procedure: "networkDefineXml", do: "close", after: true }]);
    await expect(client.networkDefine("<network><name>half</name></network>")).rejects.toThrow(/broke/);
    script([]);
    const other = await connectTo(home);
    // The work was done; only the answer was lost.
    expect(await other.networkByName("half")).toMatchObject({ name: "half" });

    script([{ procedure: "connectGetHostname", do: "hang" }]);
    const silent = await Promise.race([
      other.hostName().catch(() => "ended"),
      new Promise((resolve) => setTimeout(() => resolve("hangs"), 300)),
    ]);
    expect(silent).toBe("hangs");

    script([{ procedure: "networkUndefine", do: "lie" }]);
    const third = await connectTo(home);
    const half = await third.networkByName("half");
    if (half) await third.networkUndefine(half);
    expect(await third.networkByName("half")).toBeDefined();

    script([{ procedure: "connect", do: "close" }]);
    await expect(connectTo(home)).rejects.toThrow();
    script([]);
    await Promise.all([client, other, third].map((each) => each.close().catch(() => undefined)));
  });

  it("drops a client that does not speak libvirt, and serves the others on", async () => {
    const home = newHome();
    const { libvirtSocket } = await ensureEmbedded({ home });
    const client = await connectTo(home);
    const socket = net.connect(libvirtSocket);
    socket.write("GET / HTTP/1.1\r\n\r\n");
    await new Promise((resolve) => socket.on("close", resolve).on("error", () => {}));
    expect(await client.hostName()).not.toBe("");
    await client.close();
    expect(await embeddedMachines({ home })).toEqual([]);
  });
});
