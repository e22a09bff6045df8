import * as fs from "node:fs";
import { tmpdir } from "node:os";
import * as path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { BootLog } from "../../../../kickstart/server/log";
import { Registry } from "../../../../kickstart/server/registry";
import type { RecordInputs, RecordState } from "../../../../providers/boot/record";
import { recordDefinition } from "../../../../providers/boot/record.handlers";
import { changesOf } from "../../../../providers/core/change";
import type { Run } from "../../../../providers/core/definition";
import { makeHostKey } from "../../../../providers/seed/host-key";
import { freePort } from "../../../systems/loopback";

const MAC = "52:54:00:00:00:07";
const key = (seed: number): string =>
  makeHostKey((bytes) => Buffer.alloc(bytes, seed), "root@w1")
    .publicKey.split(" ")
    .slice(0, 2)
    .join(" ");

describe("a machine that must call home", () => {
  let folder: string;
  let inputs: RecordInputs;
  let shown: string[];
  let steal: number;

  beforeEach(async () => {
    folder = fs.mkdtempSync(path.join(tmpdir(), "labplan-record-"));
    process.env.LABPLAN_BOOT_HOME = folder;
    const port = await freePort();
    const server = { url: `http://127.0.0.1:${port}`, bind: "127.0.0.1", httpPort: port, tftpPort: 0 };
    inputs = { name: "w1", backend: "b", uuid: "u", mac: MAC, hostName: "w1", server, timeoutS: 20 };
    shown = [];
    steal = 0;
  });
  afterEach(() => {
    delete process.env.LABPLAN_BOOT_HOME;
    fs.rmSync(folder, { recursive: true, force: true });
  });

  /** `steal` moves the clock on, for the deadlines. */
  const run = (): Run<RecordState> =>
    ({
      signal: new AbortController().signal,
      backend: { kind: "embedded" },
      mark: { lab: "k3v9q2x7", stack: "dev", name: "w1" },
      progress: (line: string) => shown.push(line),
      say: () => {},
      step: (_title: string, work: () => Promise<unknown>) => work(),
      checkpoint: () => {},
      now: () => new Date(Date.now() + steal * 1000),
    }) as unknown as Run<RecordState>;
  const registry = () => new Registry(folder);
  const register = (more: object = {}) =>
    registry().begin({ machine: "w1", mac: MAC, purpose: "record", expiresInS: 3600, ...more });
  const up = async (more: Partial<RecordInputs> = {}, known?: RecordState) => {
    const wanted = { ...inputs, ...more };
    return recordDefinition.reconcile(wanted, await recordDefinition.observe(wanted, run(), known), run());
  };
  async function call(stage: string, token: string, body: Record<string, string> = {}): Promise<number> {
    for (;;) {
      const answer = await fetch(`${inputs.server.url}/events/${stage}`, {
        method: "POST",
        headers: { authorization: `Bearer ${token}`, "content-type": "application/json" },
        body: JSON.stringify(body),
      }).catch(() => undefined);
      if (answer) return answer.status;
      await sleep(20); // as the unit does
    }
  }
  const booted = { bootId: "0bfe935e-70c3-41c7-8a3a-fc75ce0d0ca2", hostKey: key(1), host: "w1" };

  it("is ready when its own token came, with boot id, address and host key", async () => {
    const { token } = register();
    const waiting = up({ hostKey: key(1) });
    expect(await call("booted", token, booted)).toBe(204);
    expect(await waiting).toEqual({
      ...inputs,
      hostKey: key(1),
      bootId: booted.bootId,
      address: "127.0.0.1",
      sshHostKey: key(1),
      bootedAt: expect.any(String),
    });
    expect(shown[0]).toMatch(/for w1 to call home at http:\/\/127\.0\.0\.1:\d+, 0 of 20 s/);
  });

  it("takes no other token, and says who was refused", async () => {
    register();
    const waiting = up().catch((error: Error) => error.message);
    expect(await call("booted", "f".repeat(32), { ...booted, mac: MAC })).toBe(404);
    await sleep(700);
    steal = 20;
    expect(await waiting).toMatch(
      /machine "w1" did not call home within 20 s; nothing was heard from it; a caller with its MAC was refused: .*unknown token.*labplan-booted/,
    );
  });

  it("a boot before this registration says nothing about the machine of now", async () => {
    const old = register();
    await new BootLog(folder).append({
      stage: "booted",
      machine: "w1",
      build: old.build,
      mac: MAC,
      address: "10.0.0.9",
      bootId: "old",
    });
    const { token } = register({ fresh: true });
    const waiting = up();
    await call("booted", token, booted);
    expect((await waiting).bootId).toBe(booted.bootId);
  });

  it("ends with the log's tail when it says that it failed", async () => {
    const { token } = register();
    const waiting = up().catch((error: Error) => error.message);
    await call("failed", token, { detail: "disk is full" });
    expect(await waiting).toMatch(/machine "w1" said that it failed:\ndisk is full/);
  });

  it("another host key than planned is an error that says so", async () => {
    const { token } = register();
    const waiting = up({ hostKey: key(2) }).catch((error: Error) => error.message);
    await call("booted", token, booted);
    expect(await waiting).toContain(`it has ${key(1)}, planned ${key(2)}`);
  });

  it("the key that its seed gave it is the one that is planned", async () => {
    const { token } = register();
    registry().expectHostKey(MAC, key(3));
    const waiting = up().catch((error: Error) => error.message);
    await call("booted", token, booted);
    expect(await waiting).toContain(`it has ${key(1)}, planned ${key(3)}`);
    // Registered anew by the next run of its machine, it is still known.
    register();
    await expect(up()).rejects.toThrow(/another SSH host key than planned/);
  });

  it("trap kickstart-pxe#18: one that nobody registered is not waited for", async () => {
    await expect(up()).rejects.toThrow(/machine "w1" is not registered at this lab's boot server/);
    registry().begin({ machine: "img", mac: MAC, purpose: "install", expiresInS: 60 });
    await expect(up()).rejects.toThrow(
      /its MAC 52:54:00:00:00:07 is registered for an installation of "img"/,
    );
  });

  it("its age is no drift; a later boot is seen; nothing is waited for twice", async () => {
    const { token, build } = register();
    const waiting = up();
    await call("booted", token, booted);
    const state = await waiting;
    const seen = await recordDefinition.observe(inputs, run(), state);
    expect(changesOf(recordDefinition, { ...seen }, { ...inputs })).toEqual({ fields: [], drifted: [] });
    await new BootLog(folder).append({ stage: "booted", build, address: "10.0.0.8", bootId: "second" });
    expect(await recordDefinition.observe(inputs, run(), state)).toMatchObject({
      bootId: "second",
      address: "10.0.0.8",
    });
    expect(await up({ timeoutS: 1 }, state)).toMatchObject({ bootId: "second", timeoutS: 1 });
    fs.rmSync(folder, { recursive: true });
    expect(await recordDefinition.observe(inputs, run(), state)).toEqual(state);
    // A preview makes nothing.
    expect(fs.existsSync(folder)).toBe(false);
  });

  it("trap kickstart-pxe#24: its token ends with it, and lets nobody in afterwards", async () => {
    const { token } = register();
    const waiting = up();
    await call("booted", token, booted);
    const state = await waiting;
    await recordDefinition.remove(state, run());
    expect(registry().byToken(token)).toBeUndefined();
    await recordDefinition.remove(state, run());
    expect(JSON.stringify([state, shown])).not.toContain(token);
    expect(fs.readFileSync(path.join(folder, "boot-log.jsonl"), "utf8")).not.toContain(token);
  });
});
