import type { Definition } from "../core/definition";

export interface NullInputs {
  backend: string;
  payload?: unknown;
}

/**
 * Does nothing: the floor that the benchmark compares with (what the engine itself costs), with any payload so
 * that its inputs can be as large as another resource's.
 */
export const nullDefinition: Definition<NullInputs> = {
  kind: "lab:Null",
  schema: { type: "object" },
  changes: {
    backend: { class: "live", reason: "nothing exists" },
    payload: { class: "live", reason: "nothing exists" },
  },
  id: () => "null",
  observe: async (inputs) => inputs,
  reconcile: async (inputs) => inputs,
  remove: async () => {},
};
