import { type FlavorNeeds, needsText } from "../plan/openstack-references";
import type { CloudFacts, FlavorFact, ImageFact } from "./facts";

const GIB = 2 ** 30;

/** GiB that an image needs of a flavor's disk. */
export const diskFor = ({ min_disk, size, virtual_size }: ImageFact): number =>
  Math.max(min_disk, Math.ceil(Math.max(size ?? 0, virtual_size ?? 0) / GIB));

/** A disk of 0 GiB is as large as the image (nova, `_validate_flavor_image_nostatus` in nova/compute/api.py). */
export const isTooSmall = (flavor: FlavorFact, image: ImageFact): boolean =>
  flavor.ram < image.min_ram || (!isDiskless(flavor) && flavor.disk < diskFor(image));

/**
 * Meant for servers that boot from a volume. With an image only administrators may take it, unless the cloud says
 * otherwise (nova, policy os_compute_api:servers:create:zero_disk_flavor in nova/policies/servers.py).
 */
export const isDiskless = ({ disk }: FlavorFact): boolean => disk === 0;

/**
 * The smallest flavor that has what is needed, for the image, too: memory is what clouds are short of, so it counts
 * first. One without a disk only where there is no other.
 */
export const smallestFlavor = (
  { flavors }: Pick<CloudFacts, "flavors">,
  needs: FlavorNeeds,
  image: ImageFact | undefined,
): FlavorFact | undefined =>
  flavors
    .filter(({ vcpus, ram, disk }) => vcpus >= needs.cpus && ram >= needs.memoryMiB && disk >= needs.diskGiB)
    .filter((flavor) => !image || !isTooSmall(flavor, image))
    .toSorted(
      (a, b) =>
        Number(isDiskless(a)) - Number(isDiskless(b)) ||
        a.ram - b.ram ||
        a.vcpus - b.vcpus ||
        a.disk - b.disk ||
        (a.name < b.name ? -1 : 1),
    )[0];

/** Why there is none, with what there is. */
export function noFlavor(
  { flavors }: Pick<CloudFacts, "flavors">,
  needs: FlavorNeeds,
  image: ImageFact | undefined,
): string {
  const largest = flavors.toSorted((a, b) => b.ram - a.ram || b.vcpus - a.vcpus)[0];
  const most = largest
    ? ` The largest is "${largest.name}": ${needsText({ cpus: largest.vcpus, memoryMiB: largest.ram, diskGiB: largest.disk })}.`
    : "";
  const forImage = image
    ? {
        ...needs,
        memoryMiB: Math.max(needs.memoryMiB, image.min_ram),
        diskGiB: Math.max(needs.diskGiB, diskFor(image)),
      }
    : needs;
  return `the cloud has no flavor with ${needsText(forImage)}.${most} Ask for less, or have one made.`;
}
