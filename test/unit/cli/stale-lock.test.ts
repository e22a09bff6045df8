import { execFileSync, spawn } from "node:child_process";
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { afterAll, afterEach, expect, test } from "vitest";
import { deadLocks } from "../../../cli/stale-lock";

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

test.skipIf(process.platform !== "linux")("an engine behind a packager's wrapper is alive", async () => {
  const wrapped = path.join(state, ".pulumi-wrapped");
  fs.copyFileSync(execFileSync("which", ["sleep"], { encoding: "utf8" }).trim(), wrapped);
  const engine = spawn(wrapped, ["60"], { stdio: "ignore" });
  await new Promise((resolve) => engine.once("spawn", resolve));
  lock("a", { ...of(engine.pid ?? 0), hostname: os.hostname() });
  expect(deadLocks(`file://${state}`, "dev")).toEqual([]);
  engine.kill("SIGKILL");
  await new Promise((resolve) => engine.once("exit", resolve));
  expect(deadLocks(`file://${state}`, "dev")).toMatchObject([{ pid: engine.pid }]);
});
