import { isImageReference } from "../plan/openstack-references";
import type { LabPlan } from "../plan/types";
import type { CloudFacts } from "./facts";
import { hasZone, lastingOf } from "./lasting";

/** What servers that are there were made with, and the cloud has no more: nothing happens to them. */
export function notesOf(plan: LabPlan, name: string, facts: CloudFacts): string[] {
  const gone = new Map<string, string[]>();
  for (const resource of plan.resources) {
    const { inputs } = resource;
    if (inputs.backend !== name || !isImageReference(inputs.imageId)) continue;
    const lasting = lastingOf(plan, resource, facts);
    if (!lasting) continue;
    const { imageNamed, known = "" } = inputs.imageId;
    const image = facts.keptImages.get(known);
    const things = [
      ...(image?.status === "active"
        ? []
        : [`image "${imageNamed}" (${known}) is ${image ? image.status : "gone"}`]),
      ...(lasting.flavor === "former"
        ? [`flavor "${inputs.flavorName}" is gone, or another one of that name`]
        : []),
      ...(hasZone(resource, facts) ? [] : [`availability zone "${inputs.availabilityZone}" is gone`]),
    ];
    for (const thing of things) gone.set(thing, [...(gone.get(thing) ?? []), resource.name]);
  }
  return [...gone].map(
    ([thing, machines]) =>
      `cloud "${name}": ${thing}. ${machines.join(", ")} ${machines.length === 1 ? "stays as it is; it" : "stay as they are; they"} could not be made anew with it.`,
  );
}
