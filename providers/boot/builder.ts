import type { Definition, Run } from "../core/definition";
import { kinds } from "../registry";
import type { BuildInputs } from "./build";

/** A resource of another kind, made through its own definition and under a mark of its own. */
interface Part {
  look(): Promise<Record<string, unknown> | undefined>;
  make(): Promise<void>;
  remove(): Promise<void>;
}

/** Steps of the part are progress of ours: they are no points of their own to resume at. */
function runOfPart(run: Run, name: string, part: string, step: string): Run {
  return {
    ...run,
    // The image's name, and not that of this build of it: the next one takes over what the last one left.
    mark: { ...run.mark, name: `${name}.${part}` },
    progress: (message) => run.progress(`[${step}] ${part}: ${message}`),
    say: (message, severity) => run.say(`${part}: ${message}`, severity),
    step: (title, work) => {
      run.progress(`[${step}] ${part}: [${title}]`);
      return work();
    },
    checkpoint: () => {},
  };
}

function partOf(kind: string, inputs: Record<string, unknown>, run: Run): Part {
  const definition = kinds[kind]?.load() as Definition<object> | undefined;
  if (!definition) throw new Error(`unknown resource kind "${kind}"`);
  const look = async () =>
    (await definition.observe(inputs, run, inputs)) as Record<string, unknown> | undefined;
  return {
    look,
    make: async () => {
      await definition.reconcile(inputs, await definition.observe(inputs, run), run);
    },
    remove: () => definition.remove(inputs, run),
  };
}

export type Power = "running" | "off" | "gone";

/** The machine that an image is built on. `extra` is what only this run knows: its boot files. */
export function builderOf(
  { name, builder }: Pick<BuildInputs, "name" | "builder">,
  run: Run,
  step: string,
  extra: Record<string, unknown> = {},
) {
  const part = partOf(builder.kind, { ...builder.inputs, ...extra }, runOfPart(run, name, "builder", step));
  return {
    name: String(builder.inputs.name),
    async power(): Promise<Power> {
      const found = await part.look();
      if (!found) return "gone";
      return found.running === true ? "running" : "off";
    },
    make: part.make,
    remove: part.remove,
  };
}

/** Undefined when it is not there; ownership is its own definition's affair. */
export async function isDiskThere(
  { name, disk }: Pick<BuildInputs, "name" | "disk">,
  run: Run,
): Promise<boolean> {
  return (await partOf(disk.kind, disk.inputs, runOfPart(run, name, "disk", "look")).look()) !== undefined;
}

/**
 * The disk as new. What a broken installation left must not be found by the next: it would be asked for, or booted.
 * It is removed and made, not overwritten: that takes no time, whatever its size.
 */
export async function blankDisk(
  { name, disk }: Pick<BuildInputs, "name" | "disk">,
  run: Run,
  step: string,
): Promise<void> {
  const part = partOf(disk.kind, disk.inputs, runOfPart(run, name, "disk", step));
  const found = await part.look();
  if (found) await partOf(disk.kind, found, runOfPart(run, name, "disk", step)).remove();
  await part.make();
}
