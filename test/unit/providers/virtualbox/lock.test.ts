import { type ChildProcess, spawn } from "node:child_process";
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { systemClock } from "../../../../providers/ssh/clock";
import { HostLock, lockFolder } from "../../../../providers/virtualbox/lock";

let folder: string;
let file: string;
const children: ChildProcess[] = [];

beforeEach(() => {
  folder = fs.mkdtempSync(path.join(os.tmpdir(), "labplan-lock-"));
  file = path.join(folder, "virtualbox-1.lock");
});
afterEach(() => {
  for (const child of children.splice(0)) child.kill("SIGKILL");
  fs.rmSync(folder, { recursive: true, force: true });
});

const lockOf = (waitS?: number) =>
  new HostLock({
    file,
    label: "VirtualBox on this machine",
    clock: systemClock,
    ...(waitS !== undefined && { waitS }),
  });
const quiet = () => {};

/** Another process that does with a lock what `code` says; resolves with its first line. */
function other(code: string): Promise<{ child: ChildProcess; said: string }> {
  const source = `require("tsx/cjs");
    const { HostLock } = require(${JSON.stringify(path.resolve("providers/virtualbox/lock.ts"))});
    const { systemClock } = require(${JSON.stringify(path.resolve("providers/ssh/clock.ts"))});
    const lock = new HostLock({ file: ${JSON.stringify(file)}, label: "VirtualBox", clock: systemClock });
    (async () => { ${code} })();`;
  const child = spawn(process.execPath, ["-e", source], { stdio: ["pipe", "pipe", "inherit"] });
  children.push(child);
  return new Promise((resolve) => {
    child.stdout?.once("data", (chunk: Buffer) => resolve({ child, said: `${chunk}`.trim() }));
  });
}
const holder = () =>
  other(
    `await lock.take(undefined, () => {}); console.log("held"); process.stdin.once("data", () => { lock.release(); process.stdin.destroy(); });`,
  );

describe("the lock against a second run", () => {
  it("trap virtualbox#35: waits for a second run, and says who has it and since when", async () => {
    const { child } = await holder();
    const told: string[] = [];
    const lock = lockOf();
    const taken = lock.take(undefined, (message) => {
      told.push(message);
      child.stdin?.write("go\n");
    });
    await taken;
    expect(told).toHaveLength(1);
    expect(told[0]).toMatch(
      new RegExp(
        `^waiting for VirtualBox on this machine: process ${child.pid} in ${process.cwd()} has it since \\d\\d:\\d\\d:\\d\\d UTC$`,
      ),
    );
    lock.release();
    expect(fs.readdirSync(folder)).toEqual([]);
  });

  it("gives up after its limit, naming the holder and the file", async () => {
    const { child } = await holder();
    await expect(lockOf(0.1).take(undefined, quiet)).rejects.toThrow(
      new RegExp(
        `another run has used it for more than 0.1 s: process ${child.pid} .*${path.basename(file)}`,
      ),
    );
    expect(fs.readdirSync(folder)).toEqual([path.basename(file)]);
  });

  it("stops to wait when its run is stopped", async () => {
    await holder();
    await expect(lockOf().take(AbortSignal.timeout(50), quiet)).rejects.toThrow(/timeout|aborted/i);
  });

  it("takes over from a run that was killed", async () => {
    const { child } = await holder();
    const exited = new Promise((resolve) => child.once("exit", resolve));
    child.kill("SIGKILL");
    await exited;
    const lock = lockOf(5);
    await lock.take(undefined, quiet);
    lock.release();
  });

  it("hands over between two calls to one that waits, and keeps it when nobody does", async () => {
    const lock = lockOf();
    await lock.take(undefined, quiet);
    await lock.yield();
    expect(fs.existsSync(file)).toBe(true);
    const second = other(`await lock.take(undefined, () => {}); console.log("mine"); lock.release();`);
    await expect.poll(() => fs.readdirSync(folder).length, { timeout: 10_000 }).toBe(2);
    await lock.yield();
    expect((await second).said).toBe("mine");
    await lock.take(undefined, quiet);
    lock.release();
  });

  it("does not hand over to one that was killed while it waited", async () => {
    const lock = lockOf();
    await lock.take(undefined, quiet);
    // No process has such a pid.
    fs.writeFileSync(`${file}.99999999.abc`, "{}");
    await lock.yield();
    expect(fs.readdirSync(folder)).toEqual([path.basename(file)]);
    lock.release();
  });

  it("lies in a folder that nobody else may look into", () => {
    expect(fs.statSync(lockFolder()).mode & 0o077).toBe(0);
  });
});
