import { spawn } from "node:child_process";
import { once } from "node:events";
import * as fs from "node:fs";
import { expect, test } from "vitest";
import { isAlive, startOf } from "../../../../providers/core/processes";

const onLinux = test.skipIf(process.platform !== "linux");

/** A child of a program that knows nothing of it and never asks how it ended, as pid 1 of many a container. */
async function neglected(): Promise<{ pid: number; end(): Promise<void> }> {
  const parent = spawn("sh", ["-c", "sleep 60 & echo $!; exec sleep 60"], {
    stdio: ["ignore", "pipe", "ignore"],
  });
  const [output] = (await once(parent.stdout, "data")) as [Buffer];
  const comm = () => fs.readFileSync(`/proc/${parent.pid}/comm`, "utf8");
  await expect.poll(comm).toBe("sleep\n");
  return {
    pid: Number(output.toString()),
    async end() {
      parent.kill("SIGKILL");
      await once(parent, "exit");
    },
  };
}

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
  const { pid, end } = await neglected();
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
