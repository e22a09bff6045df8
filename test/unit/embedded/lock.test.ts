import { spawnSync } from "node:child_process";
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { withLock } from "../../../embedded/lock";
import { startOf } from "../../../providers/core/processes";

describe("the start lock", () => {
  let folder = "";
  let file = "";
  beforeEach(() => {
    folder = fs.mkdtempSync(path.join(os.tmpdir(), "labplan-lock-"));
    file = path.join(folder, "lock");
  });
  afterEach(() => fs.rmSync(folder, { recursive: true, force: true }));

  it("lets one in at a time", async () => {
    let inside = 0;
    let most = 0;
    const work = async () => {
      most = Math.max(most, ++inside);
      await sleep(5);
      inside--;
    };
    await Promise.all(Array.from({ length: 8 }, () => withLock(file, 10_000, work)));
    expect(most).toBe(1);
    expect(fs.readdirSync(folder)).toEqual([]);
  });

  it("is given back when the work fails", async () => {
    await expect(withLock(file, 1_000, () => Promise.reject(new Error("no")))).rejects.toThrow("no");
    expect(await withLock(file, 1_000, async () => "in")).toBe("in");
  });

  it("is taken over from a process that died", async () => {
    const { pid } = spawnSync(process.execPath, ["-e", ""]);
    fs.writeFileSync(file, JSON.stringify({ pid, started: "1" }));
    expect(await withLock(file, 1_000, async () => "in")).toBe("in");
  });

  it.runIf(process.platform === "linux")(
    "is taken over when the id belongs to another process by now",
    async () => {
      expect(startOf(process.pid)).toMatch(/^\d+$/);
      fs.writeFileSync(file, JSON.stringify({ pid: process.pid, started: "1" }));
      expect(await withLock(file, 1_000, async () => "in")).toBe("in");
    },
  );

  it("is waited for while its owner lives, and then refused with a word", async () => {
    fs.writeFileSync(file, JSON.stringify({ pid: process.pid, started: startOf(process.pid) }));
    await expect(withLock(file, 60, async () => "in")).rejects.toThrow(
      /another process has been starting it/,
    );
  });
});
