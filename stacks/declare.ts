import type * as pulumi from "@pulumi/pulumi";
import { LabResource, type LivesOn } from "../providers/core/resource";
import { kinds } from "../providers/registry";
import type { LabPlan, PlannedResource } from "./plan/types";
import { resourceKey } from "./plan/types";

/** Declare every planned resource to the engine, in the plan's order. Returned by key, for outputs. */
export function declare(plan: LabPlan): Map<string, LabResource> {
  // The SDK asks for the stack of each declaration, maps it to the sources (7 ms) and keeps it in the state (700
  // bytes). Ours all come from here, so it is not written.
  const prepare = Error.prepareStackTrace;
  Error.prepareStackTrace = (error) => String(error);
  try {
    return declareAll(plan);
  } finally {
    Error.prepareStackTrace = prepare;
  }
}

function declareAll(plan: LabPlan): Map<string, LabResource> {
  const declared = new Map<string, LabResource>();
  const found = (keys: string[]) =>
    keys.map((key) => {
      const resource = declared.get(key);
      if (!resource) throw new Error(`plan: "${key}" is not declared before what needs it`);
      return resource;
    });
  for (const planned of plan.resources)
    declared.set(
      resourceKey(planned.kind, planned.name),
      declareOne(plan, planned, found(planned.dependsOn), found(planned.recreateWith), {
        ...(planned.on ? { on: { ...planned.on, machine: found([planned.on.key])[0] as LabResource } } : {}),
        ...(planned.peers ? { peers: named(planned.peers, found) } : {}),
      }),
    );
  return declared;
}

function declareOne(
  plan: LabPlan,
  planned: PlannedResource,
  dependsOn: LabResource[],
  recreateWith: LabResource[],
  { on, peers }: { on?: LivesOn; peers?: Record<string, LabResource> },
): LabResource {
  const { kind, name, formerNames = [], markName, inputs, backend } = planned;
  const entry = kinds[kind];
  if (!entry) throw new Error(`plan: unknown kind "${kind}"`);
  return new LabResource(
    kind,
    // A renamed thing keeps the mark that it was made with: `formerly` replaces nothing.
    { name, mark: { lab: plan.lab, stack: plan.stack, name: markName ?? name }, backend },
    inputs,
    {
      dependsOn,
      recreateWith,
      outputs: entry.outputs ?? [],
      ...(on ? { on } : {}),
      ...(peers ? { peers } : {}),
      ...(entry.secretOutputs ? { additionalSecretOutputs: [...entry.secretOutputs] } : {}),
      ...(formerNames.length > 0 ? { aliases: formerNames.map((former) => ({ name: former })) } : {}),
    } satisfies pulumi.CustomResourceOptions & {
      recreateWith: LabResource[];
      outputs: readonly string[];
      on?: LivesOn;
      peers?: Record<string, LabResource>;
    },
  );
}

const named = (
  keys: Record<string, string>,
  found: (keys: string[]) => LabResource[],
): Record<string, LabResource> =>
  Object.fromEntries(Object.entries(keys).map(([name, key]) => [name, found([key])[0] as LabResource]));
