import fc from "fast-check";
import { afterEach, beforeAll, describe, expect, it } from "vitest";
import type { Definition } from "../../providers/core/definition";
import type { LibvirtClient } from "../../providers/libvirt/client";
import { clientFor } from "../../providers/libvirt/clients";
import { domainDefinition } from "../../providers/libvirt/domain.handlers";
import { networkDefinition } from "../../providers/libvirt/network.handlers";
import { poolDefinition } from "../../providers/libvirt/pool.handlers";
import { volumeDefinition } from "../../providers/libvirt/volume.handlers";
import { render } from "../../providers/libvirt/xml/element";
import { markElement } from "../../providers/libvirt/xml/mark";
import {
  domain,
  type HandlerSystem,
  network,
  pool,
  snapshot,
  uuidOf,
  volume,
  wipe,
} from "./libvirt-handlers.lab";
import { LAB, newTrace, runOn, STACK, up } from "./libvirt-handlers.run";

/** Names are few, so that ours and theirs meet. */
const NAMES = ["a", "b"] as const;
const name = fc.constantFrom(...NAMES);

/** Who made a foreign thing: somebody by hand, another lab, another stack, or another resource of ours. */
const MARKS = [
  undefined,
  { lab: "another1", stack: STACK, name: "a" },
  { lab: LAB, stack: "other", name: "a" },
  { lab: LAB, stack: STACK, name: "z" },
] as const;

const foreign = fc.record({
  kind: fc.constantFrom("domain", "network", "pool", "volume"),
  name,
  /** With the UUID that we plan for that name, or one of its own. */
  ourUuid: fc.boolean(),
  mark: fc.constantFrom(...MARKS),
  running: fc.boolean(),
});
type Foreign = typeof foreign extends fc.Arbitrary<infer T> ? T : never;

const action = fc.record({
  kind: fc.constantFrom("domain", "network", "pool", "volume"),
  name,
  verb: fc.constantFrom("up", "up", "up", "remove", "remove", "observe", "precheck"),
  adopt: fc.boolean(),
  /** Dies before this step. */
  dieAt: fc.option(fc.integer({ min: 1, max: 6 }), { nil: undefined }),
});

/** Generated labs of others, and generated doings of ours: theirs are the same afterwards, byte for byte. */
export function foreignSuite(system: () => HandlerSystem): void {
  describe("what others made", () => {
    let client: LibvirtClient;
    beforeAll(async () => {
      client = await clientFor({ backend: system().backend });
    });
    afterEach(() => wipe(client));

    async function make({ kind, name, ourUuid, mark, running }: Foreign, at: number): Promise<void> {
      const uuid = ourUuid ? `<uuid>${uuidOf(name)}</uuid>` : "";
      const metadata = mark ? `<metadata>${render(markElement(mark))}</metadata>` : "";
      if (kind === "domain") {
        const made = await client.domainDefine(
          `<domain type='qemu'><name>${name}</name>${uuid}${metadata}<memory unit='MiB'>16</memory><vcpu>1</vcpu><os><type arch='x86_64' machine='q35'>hvm</type></os><devices><memballoon model='none'/></devices></domain>`,
        );
        if (running) await client.domainStart(made);
      } else if (kind === "network") {
        const made = await client.networkDefine(
          `<network><name>${name}</name>${uuid}${metadata}<bridge name='fgn${at}' stp='off'/></network>`,
        );
        if (running) await client.networkStart(made);
      } else {
        const ref = await client.poolDefine(
          `<pool type='dir'><name>${name}</name>${uuid}<target><path>${system().folder}/foreign-${name}</path></target></pool>`,
        );
        await client.poolBuild(ref);
        await client.poolStart(ref);
        if (kind === "volume") await client.volumeCreate(ref, volumeXml(name));
        if (kind === "pool" && !running) await client.poolDestroy(ref);
      }
    }

    /** What ours is told to do; a name without our mark in front is the hard case for pools and volumes. */
    function ours(kind: Foreign["kind"], called: string, adopt: boolean): [Definition<object>, object] {
      const bare = { name: called, ...(adopt && kind !== "volume" ? { adopt } : {}) };
      const thePool = { ...pool(called, system().folder), ...bare };
      const of = (definition: unknown, inputs: object): [Definition<object>, object] => [
        definition as Definition<object>,
        inputs,
      ];
      if (kind === "domain") return of(domainDefinition, { ...domain(called), ...bare });
      if (kind === "network")
        return of(networkDefinition, {
          ...network(called, { bridge: `our${NAMES.indexOf(called as "a")}` }),
          ...bare,
        });
      if (kind === "pool") return of(poolDefinition, thePool);
      return of(volumeDefinition, { ...volume(called, thePool, { capacity: 4096 }), ...bare });
    }

    it("is never changed, by nothing that we do", async () => {
      const foreigners = fc.uniqueArray(foreign, {
        maxLength: 4,
        // One thing of a kind and name; pools and volumes share their pools.
        selector: (thing) => `${thing.kind === "volume" ? "pool" : thing.kind} ${thing.name}`,
      });
      await fc.assert(
        fc.asyncProperty(
          foreigners,
          fc.array(action, { minLength: 1, maxLength: 6 }),
          async (theirs, actions) => {
            await wipe(client);
            for (const [at, thing] of theirs.entries()) await make(thing, at);
            const before = await snapshot(client);
            for (const { kind, name: called, verb, adopt, dieAt } of actions) {
              // Adoption of what has no mark is meant to change it.
              const unmarked = theirs.some(
                (thing) =>
                  thing.name === called && (!thing.mark || thing.kind === "pool" || thing.kind === "volume"),
              );
              const [definition, inputs] = ours(kind, called, adopt && !unmarked);
              const run = runOn<object>(system().backend, { name: called, trace: newTrace() });
              const step = run.step.bind(run);
              const dying = {
                ...run,
                step: <T>(title: string, work: () => Promise<T>) => {
                  if (dieAt !== undefined && title.startsWith(`${dieAt}/`)) throw new Error("killed");
                  return step(title, work);
                },
              };
              const state = { ...inputs, active: true, path: "", complete: true, intact: true };
              const doing = {
                up: () => up(definition, inputs, dying),
                remove: () => definition.remove(state, dying),
                observe: () => definition.observe(inputs, dying, state),
                precheck: () => definition.precheck?.(inputs, dying) ?? Promise.resolve([]),
              }[verb];
              await doing().catch(() => {});
            }
            const after = await snapshot(client);
            for (const [key, text] of Object.entries(before)) expect(after[key], key).toBe(text);
          },
        ),
        { numRuns: system().everyCall ? 300 : 12 },
      );
    }, 240_000);
  });
}

const volumeXml = (called: string): string =>
  `<volume><name>${called}</name><capacity>8192</capacity><allocation>0</allocation></volume>`;
