import { type ChildProcess, spawn } from "node:child_process";
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { BootLog } from "../../../../kickstart/server/log";
import type { BootEvent } from "../../../../kickstart/server/types";

const event = (stage: BootEvent["stage"], machine = "w1") => ({
  stage,
  machine,
  build: "b1",
  address: "192.0.2.11",
});

describe("the boot log", () => {
  let folder = "";
  let log: BootLog;
  const children: ChildProcess[] = [];
  beforeEach(() => {
    folder = fs.mkdtempSync(path.join(os.tmpdir(), "labplan-log-"));
    log = new BootLog(folder, { now: () => Date.parse("2026-11-21T10:00:00Z") });
  });
  afterEach(() => {
    for (const child of children.splice(0)) child.kill("SIGKILL");
    fs.rmSync(folder, { recursive: true, force: true });
  });

  it("keeps events in their order, one JSON line each, for this user alone", async () => {
    expect(log.read()).toEqual([]);
    const [pxe, config] = await Promise.all([log.append(event("pxe")), log.append(event("config"))]);
    expect(log.read()).toEqual([pxe, config]);
    expect(fs.readFileSync(log.file, "utf8").split("\n")).toEqual([
      '{"at":"2026-11-21T10:00:00.000Z","stage":"pxe","machine":"w1","build":"b1","address":"192.0.2.11"}',
      '{"at":"2026-11-21T10:00:00.000Z","stage":"config","machine":"w1","build":"b1","address":"192.0.2.11"}',
      "",
    ]);
    expect(fs.statSync(log.file).mode & 0o777).toBe(0o600);
  });

  it("skips a torn last line, and writes the next event on a line of its own", async () => {
    await log.append(event("pxe"));
    fs.appendFileSync(log.file, '{"at":"2026-11-21T10:00:01.000Z","stage":"conf');
    expect(log.read().map(({ stage }) => stage)).toEqual(["pxe"]);
    await new BootLog(folder).append(event("pre"));
    expect(log.read().map(({ stage }) => stage)).toEqual(["pxe", "pre"]);
  });

  it("skips lines that are no events", async () => {
    fs.writeFileSync(log.file, 'null\n[]\n{"at":"x","stage":"owned","address":"y"}\nnot json\n\n');
    await log.append(event("booted"));
    expect(log.read().map(({ stage }) => stage)).toEqual(["booted"]);
  });

  it("has every event that was acknowledged, when the process is killed in the middle of writing", async () => {
    const script = `
      const { BootLog } = require(${JSON.stringify(path.resolve("kickstart/server/log.ts"))});
      const log = new BootLog(${JSON.stringify(folder)});
      (async () => {
        for (let i = 0; ; i++) {
          await log.append({ stage: "pre", machine: "m" + i, build: "b", address: "a", detail: "x".repeat(2000) });
          process.stdout.write(i + "\\n");
        }
      })();`;
    for (let round = 0; round < 3; round++) {
      fs.rmSync(log.file, { force: true });
      const child = spawn(process.execPath, ["--require", "tsx/cjs", "-e", script], {
        stdio: ["ignore", "pipe", "inherit"],
      });
      children.push(child);
      let told = "";
      child.stdout?.on("data", (bytes) => {
        told += bytes;
      });
      while (told.split("\n").length < 20 + round * 7) await sleep(1);
      child.kill("SIGKILL");
      await new Promise((resolve) => child.once("close", resolve));
      const acknowledged = told.split("\n").length - 1;
      const there = log.read().length;
      expect(there).toBeGreaterThanOrEqual(acknowledged);
      expect(there).toBeLessThanOrEqual(acknowledged + 1);
      await log.append(event("installed"));
      expect(log.read().at(-1)?.stage).toBe("installed");
      expect(log.read()).toHaveLength(there + 1);
    }
  }, 30_000);

  it("is followed by several readers, while two processes' logs write", async () => {
    const stop = new AbortController();
    const other = new BootLog(folder);
    await log.append(event("pxe"));
    const reader = async (since: "start" | "now") => {
      const seen: string[] = [];
      for await (const { machine } of new BootLog(folder).follow(stop.signal, { since })) {
        seen.push(machine ?? "");
        if (machine === "last") break;
      }
      return seen;
    };
    const readers = [reader("start"), reader("start"), reader("now")];
    await sleep(50);
    for (let i = 0; i < 20; i++)
      await Promise.all([log.append(event("pre", `a${i}`)), other.append(event("pre", `b${i}`))]);
    await log.append(event("booted", "last"));
    const [one, two, three] = await Promise.all(readers);
    expect(one).toHaveLength(42);
    expect(two).toEqual(one);
    expect(three).toEqual(one?.slice(1));
    stop.abort();
  });

  it("follows into a new file when somebody took the old one away, and ends with its signal", async () => {
    const stop = new AbortController();
    const follower = log.follow(stop.signal);
    await log.append(event("pxe"));
    await log.append(event("config"));
    expect((await follower.next()).value).toMatchObject({ stage: "pxe" });
    expect((await follower.next()).value).toMatchObject({ stage: "config" });
    fs.rmSync(log.file);
    await log.append(event("pre"));
    expect((await follower.next()).value).toMatchObject({ stage: "pre" });
    setTimeout(() => stop.abort(), 10);
    expect((await follower.next()).done).toBe(true);
  });

  it("does not show a reader half a line", async () => {
    const stop = new AbortController();
    const follower = log.follow(stop.signal);
    const line = `${JSON.stringify({ at: "2026-11-21T10:00:00.000Z", ...event("booted") })}\n`;
    fs.writeFileSync(log.file, line.slice(0, 40));
    const next = follower.next();
    await sleep(250);
    fs.appendFileSync(log.file, line.slice(40));
    expect((await next).value).toMatchObject({ stage: "booted" });
    stop.abort();
  });

  it("says so when it cannot write", async () => {
    fs.mkdirSync(log.file);
    await expect(log.append(event("pxe"))).rejects.toThrow("EISDIR");
  });
});
