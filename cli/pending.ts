import type { Definition } from "../providers/core/definition";
import { visible } from "../providers/core/hidden";
import { kinds } from "../providers/registry";

interface StateResource {
  urn: string;
  type: string;
  id?: string;
  inputs?: Record<string, unknown>;
  outputs?: Record<string, unknown>;
}

/** What `pulumi stack export` prints, as far as we read it. */
export interface ExportedStack {
  deployment: {
    resources?: StateResource[];
    pending_operations?: { type: string; resource: StateResource }[];
  };
}

const OURS = "pulumi-nodejs:dynamic/";

/**
 * The state of a killed run, with each create that it was in the middle of as a resource: what it made is ours by its
 * mark, and the next refresh keeps it or finds that it is not there. Forgotten instead, a destroy would leave it
 * behind. Undefined when there is nothing to take in.
 */
export function takeInPendingCreates(
  stack: ExportedStack,
  definitionOf: (kind: string) => Definition<object> | undefined = (kind) => kinds[kind]?.load(),
): ExportedStack | undefined {
  const { resources = [], pending_operations: pending = [] } = stack.deployment;
  if (pending.length === 0) return undefined;
  const known = new Set(resources.map(({ urn }) => urn));
  const taken = pending.flatMap(({ type, resource }) => {
    const definition = resource.type.startsWith(OURS)
      ? definitionOf(resource.type.slice(OURS.length))
      : undefined;
    if (type !== "creating" || !definition || known.has(resource.urn)) return [];
    const inputs = resource.inputs ?? {};
    return [{ ...resource, id: definition.id(visible(inputs)), outputs: inputs }];
  });
  const urns = new Set(taken.map(({ urn }) => urn));
  return {
    ...stack,
    deployment: {
      ...stack.deployment,
      resources: [...resources, ...taken],
      pending_operations: pending.filter(({ resource }) => !urns.has(resource.urn)),
    },
  };
}
