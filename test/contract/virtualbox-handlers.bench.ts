import { afterEach } from "vitest";
import { changesOf, type FieldChange } from "../../providers/core/change";
import type { Definition, Problem } from "../../providers/core/definition";
import { newTrace, type RunOptions, runOn, type Trace, up } from "./libvirt-handlers.run";
import { type HandlerSystem, wipe } from "./virtualbox-handlers.lab";

/** One kind of resource under test: what the engine would do with it, without an engine. */
export function benchOf<I extends { name: string; backend: string }, S extends I>(
  system: () => HandlerSystem,
  definition: Definition<I, S>,
) {
  afterEach(() => wipe(system()));
  const run = (name: string, options: RunOptions = {}) => runOn<S>(system().backend, { name, ...options });
  return {
    run,
    apply: (inputs: I, known?: S, options: RunOptions = {}): Promise<S> =>
      up(definition, inputs, run(inputs.name, options), known),
    remove: (state: S, options: RunOptions = {}): Promise<void> =>
      definition.remove(state, run(state.name, options)),
    observe: (inputs: I, known?: S): Promise<S | undefined> =>
      definition.observe(inputs, run(inputs.name), known),
    precheck: async (inputs: I): Promise<Problem[]> =>
      (await definition.precheck?.(inputs, run(inputs.name))) ?? [],
    /** What a preview with a refresh would tell: fields that differ, and outputs that are wrong. */
    async preview(inputs: I, known: S): Promise<string[]> {
      const live = await definition.observe(known, run(known.name), known);
      if (!live) return ["gone"];
      const { fields, drifted } = changesOf(
        definition as unknown as Definition<object>,
        live as Record<string, unknown>,
        inputs as Record<string, unknown>,
      );
      return [...fields.map(({ field }: FieldChange) => field), ...drifted.map(({ field }) => field)];
    },
    trace: (): Trace => newTrace(),
  };
}
