import { isOutputReference } from "../plan/openstack-references";
import { type LabPlan, type PlannedResource, resourceKey } from "../plan/types";
import type { CloudFacts } from "./facts";

/** A card of a planned server: its port, and the subnet that this has an address of. */
export interface Card {
  port: PlannedResource;
  subnet?: PlannedResource;
}

const byKey = new WeakMap<readonly PlannedResource[], ReadonlyMap<string, PlannedResource>>();

function resourceOf({ resources }: LabPlan, reference: unknown): PlannedResource | undefined {
  if (!isOutputReference(reference)) return undefined;
  const known =
    byKey.get(resources) ?? new Map(resources.map((one) => [resourceKey(one.kind, one.name), one]));
  byKey.set(resources, known);
  return known.get(reference.ref);
}

export function cardsOf(plan: LabPlan, { inputs }: PlannedResource): Card[] {
  const ports = (inputs.networks ?? []) as { port?: unknown }[];
  return ports.flatMap((one) => {
    const port = resourceOf(plan, one.port);
    if (!port) return [];
    const [address] = (port.inputs.fixedIps ?? []) as { subnetId?: unknown }[];
    const subnet = resourceOf(plan, address?.subnetId);
    return [{ port, ...(subnet ? { subnet } : {}) }];
  });
}

/** The CIDR that a planned subnet has now, where the plan gives it another one: it is made anew. */
export function formerCidr({ inputs }: PlannedResource, { subnets }: CloudFacts): string | undefined {
  const there = subnets.get(String(inputs.description))?.cidr;
  return there === inputs.cidr ? undefined : there;
}

/** A port that is new, or made anew with its subnet, makes its server anew. */
export const isNew = ({ port, subnet }: Card, facts: CloudFacts): boolean =>
  !facts.described.port.includes(String(port.inputs.description)) ||
  (subnet !== undefined && formerCidr(subnet, facts) !== undefined);
