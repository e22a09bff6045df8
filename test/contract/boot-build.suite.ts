import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { BootLog } from "../../kickstart/server/log";
import { Registry } from "../../kickstart/server/registry";
import type { BuildInputs, BuildState } from "../../providers/boot/build";
import type { BackendConfig } from "../../stacks/config/types";
import { ask as askChild, type Told } from "./boot-kinds";

/** Where images are built in this suite. */
export interface BuildSystem {
  backend: BackendConfig;
  /** What to put before a command so that its boot server's address is there. */
  enter: readonly string[];
  env?: Record<string, string>;
  /** An installation that tells these stages, in this order, and then switches itself off. */
  inputs(stages: readonly string[], more?: Partial<BuildInputs>): BuildInputs;
  /** Number of machines there are. */
  machines(): Promise<number>;
  /** Identity of the disk's content: another after it was made blank. */
  disk(): Promise<string>;
  stop(): Promise<void>;
}

/** A real boot takes half a minute under emulation, and several on a machine with other work. */
const LIMIT_MS = 300_000;
const HASH = "$6$canary$contractHashOfTheRootPassword";

/** Images are built by a network boot, on one kind of backend. */
export function bootBuildContract(title: string, start: () => Promise<BuildSystem>): void {
  describe(`images built on ${title}`, () => {
    const home = mkdtempSync(join(tmpdir(), "labplan-boot-build-"));
    let system: BuildSystem;
    beforeAll(async () => {
      system = await start();
    });
    afterAll(async () => {
      await system?.stop();
      rmSync(home, { recursive: true, force: true });
    });

    const ask = (what: "reconcile" | "remove", inputs: BuildInputs, known?: BuildState) =>
      askChild<BuildInputs, BuildState>(
        {
          kind: "boot:Build",
          backend: system.backend,
          what,
          inputs,
          secrets: { rootHash: HASH },
          ...(known && { known }),
        },
        { enter: system.enter, env: { LABPLAN_BOOT_HOME: home, LABPLAN_SHUTDOWN_S: "0.5", ...system.env } },
      );
    const up = (inputs: BuildInputs, known?: BuildState): Promise<Told<BuildState>> =>
      ask("reconcile", inputs, known).told;
    const events = () => new BootLog(home).read();
    const stages = () =>
      events()
        .map(({ stage }) => stage)
        .filter((stage, i, all) => stage !== all[i - 1]);
    /** Each boot of a builder fetches its config once. */
    const starts = () => events().filter(({ stage }) => stage === "config").length;
    const token = (inputs: BuildInputs) => new Registry(home).current(inputs.mac)?.token;

    it(
      "one that fails ends with its stage, and the builder stays for a look",
      async () => {
        const inputs = system.inputs(["pre", "failed"]);
        const { error, state } = await up(inputs);
        expect(state).toBeUndefined();
        expect(error).toMatch(/its installer failed after "pre"/);
        expect(stages()).toEqual(["pxe", "config", "pre", "failed"].slice(inputs.via === "ipxe" ? 0 : 1));
        expect(await system.machines()).toBe(1);
        expect(token(inputs)).toMatch(/^[0-9a-f]{32}$/);
      },
      LIMIT_MS,
    );

    it(
      "the next run builds it on a blank disk; one that is killed in between is carried on, not started twice",
      async () => {
        const inputs = system.inputs(["pre", "wait15", "installed"]);
        const before = await system.disk();
        const startsBefore = starts();
        const first = ask("reconcile", inputs);
        const limit = Date.now() + 120_000;
        while (!events().some(({ stage, at }) => stage === "pre" && Date.parse(at) > limit - 120_000)) {
          if (Date.now() > limit)
            throw new Error(`no builder came as far as "pre": ${JSON.stringify(events())}`);
          await sleep(100);
        }
        first.kill();
        await first.told;
        expect(await system.disk()).not.toBe(before);
        const secret = token(inputs) ?? "";

        const { state, error, trace } = await up(inputs);
        expect(error).toBeUndefined();
        expect(state).toMatchObject({ installed: true, installedAt: expect.any(String) });
        expect(trace.said).toEqual([expect.stringContaining("carries on with the installation under way")]);
        expect(trace.progress.some((line) => /^\[6\/7 install\] \S+: .*pre \(\d+ s\)/.test(line))).toBe(true);
        expect(starts() - startsBefore).toBe(1);
        expect(await system.machines()).toBe(0);
        expect(token(inputs)).toBeUndefined();

        // trap kickstart-pxe#24: neither the token nor the root password's hash is kept or told.
        const kept = filesBelow(home).filter((file) => !file.includes("/files/"));
        const text = [
          JSON.stringify([state, trace]),
          ...kept.map((file) => readFileSync(file, "latin1")),
        ].join("\n");
        for (const canary of [secret, HASH]) expect(text).not.toContain(canary);
      },
      LIMIT_MS,
    );

    it(
      "it is done once and for all, and removal leaves the disk alone",
      async () => {
        const inputs = system.inputs(["pre", "installed"]);
        const disk = await system.disk();
        const startsBefore = starts();
        const state = { ...inputs, installed: true, installedAt: "2026-01-01T00:00:00Z" };
        const { state: after, error } = await up(inputs, state);
        expect([after?.installed, error]).toEqual([true, undefined]);
        expect((await ask("remove", inputs).told).error).toBeUndefined();
        expect([starts(), await system.disk()]).toEqual([startsBefore, disk]);
      },
      LIMIT_MS,
    );
  });
}

const filesBelow = (folder: string): string[] =>
  existsSync(folder)
    ? readdirSync(folder, { recursive: true, withFileTypes: true })
        .filter((entry) => entry.isFile())
        .map((entry) => join(entry.parentPath, entry.name))
    : [];
