import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { afterAll, afterEach, expect, test } from "vitest";
import { deadLocks } from "../../../cli/stale-lock";
import { neglectedChild } from "../neglected-child";

const state = fs.mkdtempSync(path.join(os.tmpdir(), "lp-locks-"));
const folder = path.join(state, ".pulumi/locks/organization/labplan/dev");
afterEach(() => fs.rmSync(folder, { recursive: true, force: true }));
afterAll(() => fs.rmSync(state, { recursive: true }));

function lock(name: string, content: object): void {
  fs.mkdirSync(folder, { recursive: true });
  fs.writeFileSync(path.join(folder, `${name}.json`), JSON.stringify(content));
}
const of = (pid: number, hostname = "here") => ({ pid, hostname, username: "u", timestamp: "t" });
const found = (living: number[] = []) =>
  deadLocks(`file://${state}`, "dev", "here", (pid) => living.includes(pid));

test("the lock of a dead process of this host is dead", () => {
  lock("a", of(41));
  expect(found()).toMatchObject([{ pid: 41 }]);
});

test("a living process keeps its lock, and another host's is never judged", () => {
  lock("a", of(41));
  expect(found([41])).toEqual([]);
  lock("a", of(41, "elsewhere"));
  expect(found()).toEqual([]);
});

test("one living lock among dead ones saves all: the stack is in use", () => {
  lock("a", of(41));
  lock("b", of(42));
  expect(found([42])).toEqual([]);
});

test("no locks, other backends and half-written files are nothing", () => {
  expect(found()).toEqual([]);
  expect(deadLocks("s3://bucket", "dev")).toEqual([]);
  fs.mkdirSync(folder, { recursive: true });
  fs.writeFileSync(path.join(folder, "x.json"), "{");
  expect(found()).toEqual([]);
});

test("a recycled pid of another program is not the lock's owner", () => {
  lock("a", { ...of(process.pid), hostname: os.hostname() });
  expect(deadLocks(`file://${state}`, "dev")).toMatchObject([{ pid: process.pid }]);
});

const onLinux = test.skipIf(process.platform !== "linux");

/** A program of that name that does nothing for a minute. */
function program(name: string): string {
  const file = path.join(state, name);
  fs.copyFileSync(execFileSync("which", ["sleep"], { encoding: "utf8" }).trim(), file);
  return file;
}

onLinux("an engine that was killed is dead, also where nobody reaps it", async () => {
  const { pid, end } = await neglectedChild(program("pulumi"));
  lock("a", { ...of(pid), hostname: os.hostname() });
  try {
    expect(deadLocks(`file://${state}`, "dev")).toEqual([]);
    process.kill(pid, "SIGKILL");
    await expect.poll(() => fs.readFileSync(`/proc/${pid}/status`, "utf8")).toMatch(/^State:\tZ/m);
    expect(deadLocks(`file://${state}`, "dev")).toMatchObject([{ pid }]);
  } finally {
    await end();
  }
});

onLinux("an engine behind a packager's wrapper is alive", async () => {
  const engine = spawn(program(".pulumi-wrapped"), ["60"], { stdio: "ignore" });
  await once(engine, "spawn");
  lock("a", { ...of(engine.pid ?? 0), hostname: os.hostname() });
  expect(deadLocks(`file://${state}`, "dev")).toEqual([]);
  engine.kill("SIGKILL");
  await once(engine, "exit");
  expect(deadLocks(`file://${state}`, "dev")).toMatchObject([{ pid: engine.pid }]);
});
