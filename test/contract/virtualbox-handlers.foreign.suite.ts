import fc from "fast-check";
import { afterEach, describe, expect, it } from "vitest";
import type { Definition } from "../../providers/core/definition";
import { ForeignObjectError } from "../../providers/core/errors";
import { folderOf } from "../../providers/virtualbox/folder";
import { machineDefinition } from "../../providers/virtualbox/machine.handlers";
import { mediumDefinition } from "../../providers/virtualbox/medium.handlers";
import { networkDefinition } from "../../providers/virtualbox/network.handlers";
import { LAB, newTrace, runOn, STACK, up } from "./libvirt-handlers.run";
import { benchOf } from "./virtualbox-handlers.bench";
import {
  clientOf,
  disk,
  type HandlerSystem,
  inventory,
  machine,
  nat,
  network,
  uuidOf,
  wipe,
} from "./virtualbox-handlers.lab";

/** Names are few, so that ours and theirs meet. */
const NAMES = ["a", "b"] as const;
const name = fc.constantFrom(...NAMES);
const kind = fc.constantFrom("machine" as const, "network" as const, "medium" as const);

/** Who made a foreign thing: somebody by hand, another lab, another stack, or another resource of ours. */
const MARKS = [undefined, `another1/${STACK}/a`, `${LAB}/other/a`, `${LAB}/${STACK}/z`] as const;

const foreign = fc.record({
  kind,
  name,
  /** With the UUID that we plan for that name, or one of its own. */
  ourUuid: fc.boolean(),
  mark: fc.constantFrom(...MARKS),
});
type Foreign = typeof foreign extends fc.Arbitrary<infer T> ? T : never;

const action = fc.record({
  kind,
  name,
  verb: fc.constantFrom("up", "up", "up", "remove", "remove", "observe", "precheck"),
  adopt: fc.boolean(),
  /** Dies before this step. */
  dieAt: fc.option(fc.integer({ min: 1, max: 7 }), { nil: undefined }),
});

export function foreignSuite(system: () => HandlerSystem): void {
  describe("what others made", () => {
    const machines = benchOf(system, machineDefinition);
    afterEach(() => wipe(system()));

    async function make({ kind, name, ourUuid, mark }: Foreign): Promise<void> {
      const c = await clientOf(system());
      if (kind === "machine") {
        const uuid = ourUuid ? uuidOf(name) : uuidOf(`their ${name}`);
        await c.createVm({ name, uuid, osType: "Linux_64" });
        if (mark) {
          await c.setExtraData(uuid, "labplan/uuid", uuid);
          await c.setExtraData(uuid, "labplan/mark", mark);
        }
      } else if (kind === "network") {
        await c.addNatNetwork({ name, cidr: "10.194.0.0/24", dhcp: false, forwards: [] });
        if (mark) await c.setExtraData("global", `labplan/network/${name}`, JSON.stringify({ mark }));
      } else {
        const folder = await folderOf(c, system());
        await c.makeFolder(folder);
        await c.createMedium({ path: c.join(folder, `${name}.vdi`), sizeBytes: 1 << 20 });
      }
    }

    function ours(kind: Foreign["kind"], called: string, adopt: boolean): [Definition<object>, object] {
      const bare = { name: called, ...(adopt && kind !== "medium" ? { adopt } : {}) };
      const of = (definition: unknown, inputs: object): [Definition<object>, object] => [
        definition as Definition<object>,
        inputs,
      ];
      if (kind === "machine")
        return of(machineDefinition, { ...machine(called, { nics: [nat(called)] }), ...bare });
      if (kind === "network") return of(networkDefinition, { ...network(called), ...bare });
      return of(mediumDefinition, { ...disk(called), ...bare });
    }

    it("is never changed, by nothing that we do", async () => {
      const foreigners = fc.uniqueArray(foreign, {
        maxLength: 3,
        selector: (thing) => `${thing.kind} ${thing.name}`,
      });
      await fc.assert(
        fc.asyncProperty(
          foreigners,
          fc.array(action, { minLength: 1, maxLength: 5 }),
          async (theirs, actions) => {
            await wipe(system());
            for (const thing of theirs) await make(thing);
            const before = await inventory(system());
            for (const { kind, name: called, verb, adopt, dieAt } of actions) {
              // Adoption of what has no mark is meant to change it.
              const unmarked = theirs.some(
                (thing) => thing.name === called && thing.kind === kind && !thing.mark,
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
              const state = {
                ...inputs,
                active: true,
                path: "",
                uuid: uuidOf(called),
                complete: true,
                intact: true,
              };
              const doing = {
                up: () => up(definition, inputs, dying),
                remove: () => definition.remove(state, dying),
                observe: () => definition.observe(inputs, dying, state),
                precheck: () => definition.precheck?.(inputs, dying) ?? Promise.resolve([]),
              }[verb];
              await doing().catch(() => {});
            }
            const after = await inventory(system());
            for (const [key, text] of Object.entries(before)) expect(after[key], key).toBe(text);
          },
        ),
        { numRuns: system().everyCall ? 60 : 6 },
      );
    }, 580_000);

    it("trap virtualbox#31: a clone of our machine carries our mark, and is not ours", async () => {
      const state = await machines.apply(machine("w1"));
      const c = await clientOf(system());
      await c.cloneVm(state.uuid, { name: "copy", uuid: uuidOf("copy") });
      expect((await c.vm(uuidOf("copy")))?.extraData["labplan/mark"]).toBe("ct8handl/test/w1");
      const before = await inventory(system());
      const asCopy = { ...machine("copy") };
      await expect(machines.apply(asCopy)).rejects.toThrow(ForeignObjectError);
      expect(await machines.observe(asCopy)).toBeUndefined();
      await machines.remove({ ...asCopy, intact: true });
      expect(await inventory(system())).toEqual(before);
      await machines.remove(state);
      expect((await c.vms()).map(({ name }) => name)).toEqual(["copy"]);
    });

    it("is adopted when told so, keeps what the config does not say, and is released as it is", async () => {
      const c = await clientOf(system());
      const theirs = uuidOf("their w1");
      await c.createVm({ name: "w1", uuid: theirs, osType: "Linux_64" });
      await c.modifyVm(theirs, { nics: [{ slot: 4, type: "intnet", attachment: "theirs" }] });
      await c.addController(theirs, { name: "Theirs", bus: "ide" });
      const path = c.join((await c.vm(theirs))?.configFile.replace(/[^/\\]*$/, "") ?? "", "theirs.vdi");
      await c.createMedium({ path, sizeBytes: 1 << 20 });
      await c.attach(theirs, { controller: "Theirs", port: 0 }, { kind: "disk", medium: path });
      const inputs = machine("w1", { adopt: true, memoryMiB: 96, nics: [nat("w1")] });
      expect(await machines.precheck(inputs)).toEqual([]);
      const state = await machines.apply(inputs);
      expect(state).toMatchObject({ adopted: true, uuid: inputs.uuid, memoryMiB: 96 });
      expect(await machines.preview(inputs, state)).toEqual([]);
      expect((await c.vm(theirs))?.nics.map(({ slot }) => slot)).toEqual([1, 4]);
      expect((await c.vm(theirs))?.attachments).toMatchObject([{ path }]);
      await machines.remove(state);
      const left = await c.vm(theirs);
      expect(left).toMatchObject({ name: "w1", memoryMiB: 96, extraData: {} });
      const again = await machines.apply({ ...inputs, onDestroy: "delete" });
      await machines.remove(again);
      expect(await c.vms()).toEqual([]);
      expect(await c.fileExists(path)).toBe(true);
    });
  });
}
