import type * as pulumi from "@pulumi/pulumi";
import { mapValues } from "../providers/core/records";
import { LabResource, type LivesOn } from "../providers/core/resource";
import { kinds } from "../providers/registry";
import { isPluginKind, PluginDeclarer } from "./openstack/declare";
import type { LabPlan, PlannedResource } from "./plan/types";
import { resourceKey } from "./plan/types";

/** Declare every planned resource to the engine, in the plan's order. Returned by key, for outputs. */
export function declare(plan: LabPlan): Map<string, pulumi.CustomResource> {
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

function declareAll(plan: LabPlan): Map<string, pulumi.CustomResource> {
  const declared = new Map<string, pulumi.CustomResource>();
  const plugin = new PluginDeclarer();
  const found = (key: string): pulumi.CustomResource => {
    const resource = declared.get(key);
    if (!resource) throw new Error(`plan: "${key}" is not declared before what needs it`);
    return resource;
  };
  // What others live on or reach is always one of ours.
  const ours = (key: string) => found(key) as LabResource;
  for (const planned of plan.resources) {
    const dependsOn = planned.dependsOn.map(found);
    declared.set(
      resourceKey(planned.kind, planned.name),
      isPluginKind(planned.kind)
        ? plugin.declare(planned, dependsOn, found)
        : declareOne(plan, planned, dependsOn, planned.recreateWith.map(found), {
            ...(planned.on ? { on: { ...planned.on, machine: ours(planned.on.key) } } : {}),
            ...(planned.peers ? { peers: mapValues(planned.peers, ours) } : {}),
          }),
    );
  }
  return declared;
}

function declareOne(
  plan: LabPlan,
  planned: PlannedResource,
  dependsOn: pulumi.Resource[],
  recreateWith: pulumi.Resource[],
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
      recreateWith: pulumi.Resource[];
      outputs: readonly string[];
      on?: LivesOn;
      peers?: Record<string, LabResource>;
    },
  );
}
