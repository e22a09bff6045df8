import { declare } from "../stacks/declare";
import { resourceKey } from "../stacks/plan/types";
import { readStack } from "../stacks/read-stack";

const KIND = "lab:Null";

/** The floor of what the engine itself costs: the same plan, the same inputs and edges, and resources that do nothing. */
export = async () => {
  const plan = readStack();
  const renamed = (key: string) => resourceKey(KIND, key.replace(" ", "-"));
  declare({
    ...plan,
    resources: plan.resources.map(({ kind, name, inputs, backend, dependsOn, recreateWith }) => ({
      kind: KIND,
      name: `${kind}-${name}`,
      inputs: { backend: inputs.backend, payload: inputs },
      backend,
      dependsOn: dependsOn.map(renamed),
      recreateWith: recreateWith.map(renamed),
    })),
  });
};
