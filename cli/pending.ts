import type { Definition } from "../providers/core/definition";
import { visible } from "../providers/core/hidden";
import { kinds } from "../providers/registry";

export interface StateResource {
  urn: string;
  type: string;
  id?: string;
  inputs?: Record<string, unknown>;
  outputs?: Record<string, unknown>;
  /** `<urn>::<id>` of its provider. */
  provider?: string;
  /** It is to go, or gone already: another one takes its place. */
  delete?: boolean;
  pendingReplacement?: boolean;
}

/** What `pulumi stack export` prints, as far as we read it. */
export interface ExportedStack {
  deployment: {
    resources?: StateResource[];
    pending_operations?: { type: string; resource: StateResource }[];
  };
}

const OURS = "pulumi-nodejs:dynamic/";

/** Types of the OpenStack plugin's: what they make is known by the cloud alone. */
export const isPlugins = ({ type }: Pick<StateResource, "type">): boolean => type.startsWith("openstack:");

/** What a killed run was in the middle of making, and the state has not. */
export function pendingCreates({ deployment }: ExportedStack): StateResource[] {
  const { resources = [], pending_operations: pending = [] } = deployment;
  const known = new Set(resources.filter(isThere).map(({ urn }) => urn));
  return pending.flatMap(({ type, resource }) =>
    type === "creating" && !known.has(resource.urn) ? [resource] : [],
  );
}

const isThere = ({ delete: goes, pendingReplacement }: StateResource): boolean =>
  !goes && !pendingReplacement;

/**
 * The state of a killed run, with each create that it was in the middle of as a resource: what it made is ours by its
 * mark, and the next refresh keeps it or finds that it is not there. Forgotten instead, a destroy would leave it
 * behind. `found` are the plugin's that the cloud has, by URN: others of the plugin's were never made. Undefined when
 * there is nothing to take in: updates and deletes under way the engine drops by itself, with its next write. An import
 * would drop those as well, with a warning for each (pkg/cmd/pulumi/stack/stack.go, SaveSnapshot).
 */
export function takeInPendingCreates(
  stack: ExportedStack,
  found: ReadonlyMap<string, StateResource>,
  definitionOf: (kind: string) => Definition<object> | undefined = (kind) => kinds[kind]?.load(),
): ExportedStack | undefined {
  const { resources = [], pending_operations: pending = [] } = stack.deployment;
  if (pending.every(({ type }) => type !== "creating")) return undefined;
  const taken = new Map<string, StateResource>();
  for (const resource of pendingCreates(stack)) {
    const { urn, type, inputs = {} } = resource;
    const definition = type.startsWith(OURS) ? definitionOf(type.slice(OURS.length)) : undefined;
    const one = definition
      ? { ...resource, id: definition.id(visible(inputs)), outputs: inputs }
      : found.get(urn);
    if (one) taken.set(urn, one);
  }
  // In the place of the one that it replaces: what depends on it stands behind that.
  const replaced = new Set(resources.filter((one) => one.pendingReplacement).map(({ urn }) => urn));
  return {
    ...stack,
    deployment: {
      ...stack.deployment,
      resources: [
        ...resources.map((one) => (one.pendingReplacement ? (taken.get(one.urn) ?? one) : one)),
        ...[...taken.values()].filter(({ urn }) => !replaced.has(urn)),
      ],
      pending_operations: pending.filter(
        ({ type, resource }) => !taken.has(resource.urn) && !(type === "creating" && isPlugins(resource)),
      ),
    },
  };
}
