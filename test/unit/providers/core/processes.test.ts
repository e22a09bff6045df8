import { spawn } from "node:child_process";
import { once } from "node:events";
import * as fs from "node:fs";
import { expect, test } from "vitest";
import { isAlive, startOf } from "../../../../providers/core/processes";
import { neglectedChild } from "../../neglected-child";

const onLinux = test.skipIf(process.platform !== "linux");

test("a process lives until it has ended", async () => {
  const child = spawn("sleep", ["60"], { stdio: "ignore" });
  await once(child, "spawn");
  const pid = child.pid ?? 0;
  expect(isAlive(pid)).toBe(true);
  child.kill("SIGKILL");
  await once(child, "exit");
  expect(isAlive(pid)).toBe(false);
});

onLinux("one that ended is not alive, though nobody has asked how it ended", async () => {
  const { pid, end } = await neglectedChild("sleep");
  try {
    expect(isAlive(pid)).toBe(true);
    process.kill(pid, "SIGKILL");
    await expect.poll(() => isAlive(pid)).toBe(false);
    expect(fs.existsSync(`/proc/${pid}`)).toBe(true);
  } finally {
    await end();
  }
});

onLinux("a process is told from a later one of the same id by its start", () => {
  const started = startOf(process.pid);
  expect(started).toMatch(/^\d+$/);
  expect(isAlive(process.pid, started)).toBe(true);
  expect(isAlive(process.pid, "1")).toBe(false);
});
