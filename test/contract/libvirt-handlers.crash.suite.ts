import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import type { Definition } from "../../providers/core/definition";
import type { LibvirtClient } from "../../providers/libvirt/client";
import { clientFor } from "../../providers/libvirt/clients";
import { domainDefinition } from "../../providers/libvirt/domain.handlers";
import { networkDefinition } from "../../providers/libvirt/network.handlers";
import { poolDefinition } from "../../providers/libvirt/pool.handlers";
import { volumeDefinition } from "../../providers/libvirt/volume.handlers";
import type { BackendConfig } from "../../stacks/config/types";
import { CutProxy } from "./libvirt-handlers.cut";
import {
  domain,
  type HandlerSystem,
  macOf,
  network,
  PREFIX,
  pool,
  snapshot,
  volume,
  wipe,
} from "./libvirt-handlers.lab";
import { Killed, newTrace, runOn, up } from "./libvirt-handlers.run";

interface Case {
  definition: Definition<object>;
  name: string;
  inputs: object;
  /** The same thing after an edit that needs a restart or a live change. */
  edited: object;
}

/** Die at every step (and every call) of making, editing and removing one of each kind; a second run ends the same. */
export function crashSuite(system: () => HandlerSystem): void {
  describe("killed at any point, and run again", () => {
    let client: LibvirtClient;
    let proxy: CutProxy;
    let cases: Case[];
    let files: string;

    beforeAll(async () => {
      files = mkdtempSync(join(tmpdir(), "labplan-crash-"));
      proxy = new CutProxy(system().socket);
      await proxy.listen();
      client = await clientFor({ backend: system().backend });
      const image = join(files, "image.raw");
      writeFileSync(image, Buffer.alloc(300_000, "image"));
      const p = pool("crash", system().folder);
      const base = volume("base", p, { format: "raw", source: { path: image } });
      const nic = { mac: macOf("w1"), network: "crash", ip: "10.199.0.11" };
      const lease = { mac: nic.mac, ip: nic.ip, hostName: "w1" };
      const net = network("crash", { dhcp: { from: "10.199.0.100", to: "10.199.0.200" }, leases: [lease] });
      const machine = domain("w1", {
        disks: [{ volume: `${PREFIX}disk`, pool: p.name, format: "qcow2" }],
        nics: [nic],
        cloudInit: { sshKeys: ["ssh-ed25519 AAAA me"] },
        seedPool: p.name,
        running: true,
      });
      const of = (definition: unknown, name: string, inputs: object, edited: object): Case => ({
        definition: definition as Definition<object>,
        name,
        inputs,
        edited: { ...inputs, ...edited },
      });
      cases = [
        of(poolDefinition, "crash", p, { onDestroy: "delete" }),
        of(volumeDefinition, "base", base, { capacity: 1 << 20 }),
        of(volumeDefinition, "disk", volume("disk", p, { backing: base.name, capacity: 1 << 20 }), {
          capacity: 2 << 20,
        }),
        of(
          volumeDefinition,
          "copy",
          volume("copy", p, { format: "raw", copyOf: base.name, capacity: 1 << 20 }),
          {
            capacity: 2 << 20,
          },
        ),
        of(networkDefinition, "crash", net, {
          dhcp: { from: "10.199.0.50", to: "10.199.0.90" },
          leases: [{ ...lease, ip: "10.199.0.12" }],
          autostart: true,
        }),
        of(domainDefinition, "w1", machine, { memoryMiB: 48, nics: [], hostName: "w2", autostart: true }),
      ];
      process.env.LABPLAN_SHUTDOWN_S = "0.2";
    });
    afterEach(() => wipe(client));
    afterAll(async () => {
      delete process.env.LABPLAN_SHUTDOWN_S;
      await proxy.close();
      rmSync(files, { recursive: true, force: true });
    });

    const kinds = ["pool", "image", "overlay", "copy", "network", "domain"].map(
      (title, index) => [title, index] as const,
    );
    const through = (): BackendConfig => ({
      kind: "libvirt",
      uri: `qemu+unix:///system?socket=${proxy.socket}`,
    });

    /** Everything that the last case needs is there; returns what `snapshot` sees of it after the work. */
    async function prepare(index: number): Promise<void> {
      for (const { definition, inputs, name } of cases.slice(0, index))
        await up(definition, inputs, runOn(system().backend, { name }));
    }

    it.each(kinds)(
      "makes a %s step by step",
      async (_, index) => {
        const { definition, inputs, name } = cases[index] as Case;
        const backend = system().backend;
        await prepare(index);
        const before = await snapshot(client);
        const clean = newTrace();
        const state = await up(definition, inputs, runOn(backend, { name, trace: clean }));
        const wanted = await snapshot(client);
        await definition.remove(state, runOn(backend, { name }));
        expect(await snapshot(client)).toEqual(before);
        expect(clean.steps.length).toBeGreaterThan(2);

        for (const dieAt of clean.steps) {
          const trace = newTrace();
          await expect(up(definition, inputs, runOn(backend, { name, dieAt, trace }))).rejects.toThrow(
            Killed,
          );
          // The engine knows nothing of a create that was killed, and what was saved of one that failed.
          for (const known of [undefined, trace.saved as object | undefined]) {
            const again = await up(definition, inputs, runOn(backend, { name }), known);
            expect(withoutKey(again), dieAt).toEqual(withoutKey(state));
            expect(await snapshot(client), dieAt).toEqual(wanted);
          }
          await definition.remove(state, runOn(backend, { name }));
          expect(await snapshot(client), dieAt).toEqual(before);
        }
      },
      240_000,
    );

    it.each(kinds)(
      "removes what a %s had made so far",
      async (_, index) => {
        const { definition, inputs, name } = cases[index] as Case;
        const backend = system().backend;
        await prepare(index);
        const before = await snapshot(client);
        const clean = newTrace();
        const state = await up(definition, inputs, runOn(backend, { name, trace: clean }));
        await definition.remove(state, runOn(backend, { name }));
        for (const dieAt of clean.steps) {
          const trace = newTrace();
          await expect(up(definition, inputs, runOn(backend, { name, dieAt, trace }))).rejects.toThrow(
            Killed,
          );
          // Nothing was saved: then nothing may be there.
          if (trace.saved) await definition.remove(trace.saved, runOn(backend, { name }));
          expect(await snapshot(client), dieAt).toEqual(before);
        }
      },
      240_000,
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
        const wanted = await snapshot(client);
        for (const dieAt of clean.steps) {
          await definition.remove(state, runOn(backend, { name }));
          const made = await up(definition, inputs, runOn(backend, { name }));
          await expect(up(definition, edited, runOn(backend, { name, dieAt }), made)).rejects.toThrow(Killed);
          const again = await up(definition, edited, runOn(backend, { name }), made);
          expect(withoutKey(again), dieAt).toEqual(withoutKey(state));
          expect(await snapshot(client), dieAt).toEqual(wanted);
        }
      },
      240_000,
    );

    it.each(kinds)(
      "removes a %s step by step",
      async (_, index) => {
        const { definition, inputs, name } = cases[index] as Case;
        const backend = system().backend;
        await prepare(index);
        const before = await snapshot(client);
        const clean = newTrace();
        const first = await up(definition, inputs, runOn(backend, { name }));
        await definition.remove(first, runOn(backend, { name, trace: clean }));
        for (const dieAt of clean.steps) {
          const state = await up(definition, inputs, runOn(backend, { name }));
          await expect(definition.remove(state, runOn(backend, { name, dieAt }))).rejects.toThrow(Killed);
          await definition.remove(state, runOn(backend, { name }));
          expect(await snapshot(client), dieAt).toEqual(before);
        }
      },
      240_000,
    );

    it.for(kinds)(
      "makes and removes a %s, cut off at every call",
      { timeout: 240_000 },
      async ([, index], test) => {
        test.skip(!system().everyCall, "each call takes too long here to die at every one");
        const { definition, inputs, name } = cases[index] as Case;
        await prepare(index);
        const before = await snapshot(client);
        proxy.arm();
        const state = await up(definition, inputs, runOn(through(), { name }));
        const making = proxy.calls;
        const wanted = await snapshot(client);
        proxy.arm();
        await definition.remove(state, runOn(through(), { name }));
        const removing = proxy.calls;
        for (const when of ["before", "after"] as const) {
          for (let at = 1; at <= making; at++) {
            proxy.arm({ at, when });
            await up(definition, inputs, runOn(through(), { name })).catch(() => {});
            proxy.arm();
            await up(definition, inputs, runOn(through(), { name }));
            expect(await snapshot(client), `made, cut ${when} call ${at}`).toEqual(wanted);
            await definition.remove(state, runOn(through(), { name }));
          }
          for (let at = 1; at <= removing; at++) {
            await up(definition, inputs, runOn(through(), { name }));
            proxy.arm({ at, when });
            await definition.remove(state, runOn(through(), { name })).catch(() => {});
            proxy.arm();
            await definition.remove(state, runOn(through(), { name }));
            expect(await snapshot(client), `removed, cut ${when} call ${at}`).toEqual(before);
          }
        }
      },
    );
  });
}

/** A host key is made by chance, so two clean runs differ in it. */
const withoutKey = (state: object): object => ({ ...state, sshHostKey: undefined });
