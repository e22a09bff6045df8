import { afterEach, describe, expect, it } from "vitest";
import type { Definition } from "../../providers/core/definition";
import type { MachineInputs, MachineState } from "../../providers/virtualbox/machine";
import { machineDefinition } from "../../providers/virtualbox/machine.handlers";
import type { MediumInputs, MediumState } from "../../providers/virtualbox/medium";
import { mediumDefinition } from "../../providers/virtualbox/medium.handlers";
import { runOn, up } from "./libvirt-handlers.run";
import { disk, type HandlerSystem, inventory, machine, nat, wipe } from "./virtualbox-handlers.lab";

const COUNT = 20;
/** As many as the engine works on at once. */
const AT_ONCE = 8;

async function each<T, R>(items: readonly T[], work: (item: T, index: number) => Promise<R>): Promise<R[]> {
  const results: R[] = [];
  let next = 0;
  const worker = async () => {
    for (let index = next++; index < items.length; index = next++)
      results[index] = await work(items[index] as T, index);
  };
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
  return results;
}

export function manySuite(system: () => HandlerSystem): void {
  describe("many machines", () => {
    afterEach(() => wipe(system()));

    it("trap virtualbox#34: 20 are made, changed and removed, 8 at once, with no lock error and no orphan", async () => {
      const before = await inventory(system());
      const at = <I extends { name: string }, S extends I>(definition: Definition<I, S>) => ({
        apply: (inputs: I, known?: S) =>
          up(definition, inputs, runOn<S>(system().backend, { name: inputs.name }), known),
        remove: (state: S) => definition.remove(state, runOn<S>(system().backend, { name: state.name })),
      });
      const media = at<MediumInputs, MediumState>(mediumDefinition);
      const machines = at<MachineInputs, MachineState>(machineDefinition);
      const names = Array.from({ length: COUNT }, (_, index) => `w${index}`);
      const wanted = (name: string, index: number, more: Partial<MachineInputs> = {}) =>
        machine(name, {
          disks: [{ medium: disk(name).name }],
          nics: [
            nat(name, {
              forwards: [{ name: "ssh", protocol: "tcp", hostPort: 42400 + index, guestPort: 22 }],
            }),
          ],
          ...more,
        });
      const disks = await each(names, (name) => media.apply(disk(name)));
      const made = await each(names, (name, index) => machines.apply(wanted(name, index)));
      expect(made.every(({ intact }) => intact)).toBe(true);
      const changed = await each(names, (name, index) =>
        machines.apply(wanted(name, index, { cpus: 2, boot: ["cdrom", "hd"] }), made[index]),
      );
      expect(changed.map(({ cpus }) => cpus)).toEqual(names.map(() => 2));
      await each(changed, (state) => machines.remove(state));
      await each(disks, (state) => media.remove(state));
      expect(await inventory(system())).toEqual(before);
    }, 580_000);
  });
}
