import { type FlavorNeeds, needsText } from "../plan/openstack-references";
import type { CloudFacts, FlavorFact } from "./facts";

/** The smallest flavor that has what is needed: memory is what clouds are short of, so it counts first. */
export const smallestFlavor = (
  { flavors }: Pick<CloudFacts, "flavors">,
  needs: FlavorNeeds,
): FlavorFact | undefined =>
  flavors
    .filter(({ vcpus, ram, disk }) => vcpus >= needs.cpus && ram >= needs.memoryMiB && disk >= needs.diskGiB)
    .toSorted(
      (a, b) => a.ram - b.ram || a.vcpus - b.vcpus || a.disk - b.disk || (a.name < b.name ? -1 : 1),
    )[0];

/** Why there is none, with what there is. */
export function noFlavor({ flavors }: Pick<CloudFacts, "flavors">, needs: FlavorNeeds): string {
  const largest = flavors.toSorted((a, b) => b.ram - a.ram || b.vcpus - a.vcpus)[0];
  const most = largest
    ? ` The largest is "${largest.name}": ${needsText({ cpus: largest.vcpus, memoryMiB: largest.ram, diskGiB: largest.disk })}.`
    : "";
  return `the cloud has no flavor with ${needsText(needs)}.${most} Ask for less, or have one made.`;
}
