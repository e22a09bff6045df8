import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { BootLog } from "../../../../kickstart/server/log";
import { Refusals } from "../../../../kickstart/server/refusals";

describe("refused callers", () => {
  let folder = "";
  let log: BootLog;
  let now = 0;
  const fresh = () =>
    new Refusals(
      log,
      () => {},
      () => now,
    );
  beforeEach(() => {
    folder = fs.mkdtempSync(path.join(os.tmpdir(), "labplan-refusals-"));
    log = new BootLog(folder);
    now = 1_000_000;
  });
  afterEach(() => fs.rmSync(folder, { recursive: true, force: true }));
  const details = async () => {
    await log.flush();
    return log.read().map(({ detail }) => detail);
  };

  it("that ask the same again and again get one line a minute, with a count", async () => {
    const refusals = fresh();
    for (let i = 0; i < 500; i++) refusals.tell({ address: "192.0.2.9" }, "asked for x");
    now += 61_000;
    refusals.tell({ address: "192.0.2.9" }, "asked for x");
    expect(await details()).toEqual(["asked for x", "asked for x (and 499 more like it before)"]);
  });

  it("that are many, or lie about who they are, cannot fill the disk", async () => {
    const refusals = fresh();
    for (let i = 0; i < 2_000; i++) refusals.tell({ address: `10.0.${i >> 8}.${i & 255}` }, "asked for x");
    expect(await details()).toHaveLength(60);
    now += 20_000;
    for (let i = 0; i < 2_000; i++) refusals.tell({ address: "192.0.2.9" }, `asked for ${i}`);
    expect(await details()).toHaveLength(70);
  });

  it("have a part of the log, and no more, whoever asks and however long", async () => {
    const refusals = fresh();
    for (let i = 0; i < 30_000; i++) {
      now += 2_000;
      refusals.tell({ address: "192.0.2.9" }, `${i} ${"x".repeat(2_000)}`);
    }
    await log.flush();
    const { size } = fs.statSync(log.file);
    expect(size).toBeLessThan(4 << 20);
    expect(size).toBeGreaterThan(1 << 20);
    // Nor does it begin anew with the next process.
    const next = fresh();
    for (let i = 0; i < 100; i++) {
      now += 2_000;
      next.tell({ address: "192.0.2.10" }, `again ${i} ${"x".repeat(2_000)}`);
    }
    await log.flush();
    expect(fs.statSync(log.file).size).toBeLessThan((4 << 20) + 60_000);
  }, 20_000);
});
