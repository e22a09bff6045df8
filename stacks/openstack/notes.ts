import { isImageReference } from "../plan/openstack-references";
import type { LabPlan } from "../plan/types";
import type { CloudFacts } from "./facts";
import { isDiskless } from "./flavors";
import { instancesOf } from "./instances";
import { flavorOf, hasZone, lastingOf } from "./lasting";
import { subnetNotes } from "./subnets";

/** What is worth a look, and no mistake. */
export const notesOf = (plan: LabPlan, name: string, facts: CloudFacts): string[] => [
  ...goneNotes(plan, name, facts),
  ...disklessNotes(plan, name, facts),
  ...driveNotes(plan, name, facts),
  ...subnetNotes(plan, name, facts),
];

/** What servers that are there were made with, and the cloud has no more: nothing happens to them. */
function goneNotes(plan: LabPlan, name: string, facts: CloudFacts): string[] {
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

/** New servers with a flavor that has no disk. */
const disklessNotes = (plan: LabPlan, name: string, facts: CloudFacts): string[] =>
  instancesOf(plan, name).flatMap((server) => {
    const flavor = flavorOf(plan, server, facts);
    if (!flavor || !isDiskless(flavor) || lastingOf(plan, server, facts)?.flavor) return [];
    return [
      `cloud "${name}": flavor "${flavor.name}" of ${server.name} has no disk: it is for servers that boot from a volume, and most clouds refuse it with an image (403). Take one with a disk, unless you know that this cloud lets you.`,
    ];
  });

/** A server from before its network lost its DHCP. */
const driveNotes = (plan: LabPlan, name: string, facts: CloudFacts): string[] =>
  instancesOf(plan, name).flatMap((planned) => {
    const lasting = lastingOf(plan, planned, facts);
    if (!lasting || planned.inputs.configDrive !== true || lasting.server.config_drive) return [];
    return [
      `cloud "${name}": ${planned.name} was made without a config drive, and nothing tells it its address on a network without DHCP. Set it within the server, or make it anew: "openstack server delete ${lasting.server.id}" loses its disk, and the next up makes it with one.`,
    ];
  });
