import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import type { Definition } from "../../providers/core/definition";
import { folderOf } from "../../providers/virtualbox/folder";
import { machineDefinition } from "../../providers/virtualbox/machine.handlers";
import { mediumDefinition } from "../../providers/virtualbox/medium.handlers";
import { networkDefinition } from "../../providers/virtualbox/network.handlers";
import { snapshotDefinition } from "../../providers/virtualbox/snapshot.handlers";
import type { BackendConfig } from "../../stacks/config/types";
import { Killed, newTrace, runOn, up } from "./libvirt-handlers.run";
import { CutVBoxManage } from "./virtualbox-handlers.cut";
import {
  clientOf,
  disk,
  type HandlerSystem,
  inventory,
  machine,
  macOf,
  nat,
  network,
  snapshotOf,
  wipe,
  withoutChance,
} from "./virtualbox-handlers.lab";

interface Case {
  definition: Definition<object>;
  name: string;
  inputs: object;
  /** The same thing after an edit that needs a restart or a live change. */
  edited: object;
}

const MIB = 1024 * 1024;

/** Die at every step (and every call) of making, editing and removing one of each kind; a second run ends the same. */
export function crashSuite(system: () => HandlerSystem): void {
  describe("killed at any point, and run again", () => {
    let cases: Case[];
    let files: string;

    beforeAll(() => {
      files = mkdtempSync(join(tmpdir(), "labplan-crash-"));
      const image = join(files, "image.raw");
      writeFileSync(image, Buffer.alloc(2 * MIB, "image"));
      const { capacity: _, ...rest } = disk("base");
      const base = { ...rest, source: { path: image } };
      const root = disk("root", { parent: base.name, clone: "linked" });
      const dhcp = { server: "10.199.0.3", from: "10.199.0.100", to: "10.199.0.200", hosts: [] };
      const vm = machine("w1", {
        disks: [{ medium: root.name }],
        nics: [nat("w1", { forwards: [{ name: "a", protocol: "tcp", hostPort: 42300, guestPort: 22 }] })],
        cloudInit: { sshKeys: ["ssh-ed25519 AAAA me"] },
        running: system().canStart,
      });
      const of = (definition: unknown, name: string, inputs: object, edited: object): Case => ({
        definition: definition as Definition<object>,
        name,
        inputs,
        edited: { ...inputs, ...edited },
      });
      cases = [
        of(networkDefinition, "admin", network("admin", { dhcp }), {
          dhcp: { ...dhcp, from: "10.199.0.50" },
        }),
        of(mediumDefinition, "base", base, { capacity: 4 * MIB }),
        of(mediumDefinition, "root", root, { capacity: 16 * MIB }),
        of(machineDefinition, "w1", vm, {
          name: "worker",
          cpus: 2,
          nics: [{ type: "natnetwork", attachment: "admin", mac: macOf("w1") }],
          hostName: "w2",
        }),
        of(snapshotDefinition, "clean", snapshotOf("w1", "clean"), { description: "before", restore: 1 }),
      ];
      process.env.LABPLAN_SHUTDOWN_S = "0.2";
    });
    afterEach(() => wipe(system()));
    afterAll(() => {
      delete process.env.LABPLAN_SHUTDOWN_S;
      rmSync(files, { recursive: true, force: true });
    });

    const kinds = ["network", "image", "linked clone", "machine", "snapshot"].map(
      (title, index) => [title, index] as const,
    );
    const look = async () => withoutChance(await inventory(system()));

    /** Everything that the last case needs is there. */
    async function prepare(index: number, backend: BackendConfig = system().backend): Promise<void> {
      for (const { definition, name, inputs } of cases.slice(0, index))
        await up(definition, inputs, runOn(backend, { name }));
    }

    it.each(kinds)(
      "makes a %s step by step",
      async (_, index) => {
        const { definition, inputs, name } = cases[index] as Case;
        const backend = system().backend;
        await prepare(index);
        const before = await look();
        const clean = newTrace();
        const state = await up(definition, inputs, runOn(backend, { name, trace: clean }));
        const wanted = await look();
        await definition.remove(state, runOn(backend, { name }));
        expect(await look()).toEqual(before);
        for (const dieAt of clean.steps) {
          await expect(up(definition, inputs, runOn(backend, { name, dieAt }))).rejects.toThrow(Killed);
          const again = await up(definition, inputs, runOn(backend, { name }));
          expect(ofChance(again), dieAt).toEqual(ofChance(state));
          expect(await look(), dieAt).toEqual(wanted);
          await definition.remove(again, runOn(backend, { name }));
          expect(await look(), dieAt).toEqual(before);
        }
      },
      580_000,
    );

    it.each(kinds)(
      "edits a %s step by step",
      async (_, index) => {
        const { definition, inputs, edited, name } = cases[index] as Case;
        const backend = system().backend;
        await prepare(index);
        const clean = newTrace();
        const first = await up(definition, inputs, runOn(backend, { name }));
        const state = await up(definition, edited, runOn(backend, { name, trace: clean }), first);
        const wanted = await look();
        for (const dieAt of clean.steps) {
          await definition.remove(state, runOn(backend, { name }));
          const made = await up(definition, inputs, runOn(backend, { name }));
          await expect(up(definition, edited, runOn(backend, { name, dieAt }), made)).rejects.toThrow(Killed);
          const again = await up(definition, edited, runOn(backend, { name }), made);
          expect(ofChance(again), dieAt).toEqual(ofChance(state));
          expect(await look(), dieAt).toEqual(wanted);
        }
      },
      580_000,
    );

    it.each(kinds)(
      "removes a %s step by step",
      async (_, index) => {
        const { definition, inputs, name } = cases[index] as Case;
        const backend = system().backend;
        await prepare(index);
        const before = await look();
        const clean = newTrace();
        const first = await up(definition, inputs, runOn(backend, { name }));
        await definition.remove(first, runOn(backend, { name, trace: clean }));
        for (const dieAt of clean.steps) {
          const state = await up(definition, inputs, runOn(backend, { name }));
          await expect(definition.remove(state, runOn(backend, { name, dieAt }))).rejects.toThrow(Killed);
          await definition.remove(state, runOn(backend, { name }));
          expect(await look(), dieAt).toEqual(before);
        }
      },
      580_000,
    );

    it.for(kinds)(
      "makes and removes a %s, cut off at every call",
      { timeout: 580_000 },
      async ([, index], test) => {
        const { command = [], everyCall } = system();
        test.skip(!everyCall || command.length === 0, "each call takes too long here to die at every one");
        const client = await clientOf(system());
        const folder = await folderOf(client, system());
        await client.makeFolder(folder); // one that the config names stays
        const cut = new CutVBoxManage(command, folder);
        const { definition, name } = cases[index] as Case;
        // Through a local VBoxManage, the embedded machines would need a kernel module to start.
        const inputs = { ...(cases[index] as Case).inputs, ...(index === 3 ? { running: false } : {}) };
        const through = () => runOn<object>(cut.backend, { name });
        const vm = cases[3] as Case;
        if (index > 3) cases = cases.with(3, { ...vm, inputs: { ...vm.inputs, running: false } });
        await prepare(index);
        cases = cases.with(3, vm);
        const before = await look();
        await up(definition, inputs, through()); // the first call of a process asks for more
        await definition.remove(await up(definition, inputs, through()), through());
        cut.arm();
        const state = await up(definition, inputs, through());
        const making = cut.calls;
        const wanted = await look();
        cut.arm();
        await definition.remove(state, through());
        const removing = cut.calls;
        expect(making).toBeGreaterThan(1);
        for (const when of ["before", "after"] as const) {
          for (let at = FIRST[when]; at <= making; at += STRIDE) {
            cut.arm({ at, when });
            await up(definition, inputs, through()).catch(() => {});
            cut.arm();
            await up(definition, inputs, through());
            expect(await look(), `made, cut ${when} call ${at}`).toEqual(wanted);
            await definition.remove(state, through());
          }
          for (let at = FIRST[when]; at <= removing; at += STRIDE) {
            await up(definition, inputs, through());
            cut.arm({ at, when });
            await definition.remove(state, through()).catch(() => {});
            cut.arm();
            await definition.remove(state, through());
            expect(await look(), `removed, cut ${when} call ${at}`).toEqual(before);
          }
        }
        cut.close();
      },
    );
  });
}

/** A call is a process of its own: all of them take ten minutes. A third before and another third after, else. */
const STRIDE = process.env.LABPLAN_NIGHTLY === "1" ? 1 : 3;
const FIRST = { before: 1, after: STRIDE === 1 ? 1 : 2 } as const;

/** Host keys, and UUIDs of media and snapshots, are made by chance: two clean runs differ in them. */
const ofChance = (state: object): object => ({
  ...state,
  sshHostKey: undefined,
  ...("disks" in state || "type" in state ? {} : { uuid: undefined }),
});
