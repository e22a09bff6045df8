import { markText } from "../../providers/core/definition";
import type { Server } from "../../providers/openstack/clients";
import { MARK_KEY } from "../../providers/openstack/marks";
import {
  type FlavorNeeds,
  type ImageReference,
  isFlavorReference,
  isImageReference,
} from "../plan/openstack-references";
import type { LabPlan, PlannedResource } from "../plan/types";
import { cardsOf, isNew } from "./cards";
import type { CloudFacts, FlavorFact, ImageFact } from "./facts";
import { smallestFlavor } from "./flavors";

/** A planned server that is there and stays: what only a new one needs may be gone. */
export interface Lasting {
  server: Server;
  /** It has the planned one: `former` where the cloud offers that very one no more. */
  flavor?: "listed" | "former";
}

/** What the cloud has with the mark of a planned server. */
export function serversOf({ lab, stack }: LabPlan, planned: PlannedResource, facts: CloudFacts): Server[] {
  const mark = markText({ lab, stack, name: planned.markName ?? planned.name });
  return facts.servers.filter(
    ({ metadata, status }) => metadata[MARK_KEY] === mark && !/DELETED/.test(status),
  );
}

/** Undefined for a server that is new, or made anew for another image, zone or card. */
export function lastingOf(plan: LabPlan, planned: PlannedResource, facts: CloudFacts): Lasting | undefined {
  const { imageId, flavorName } = planned.inputs;
  const known = isImageReference(imageId) ? imageId.known : undefined;
  const server = serversOf(plan, planned, facts).find(
    ({ image }) => typeof image === "object" && image.id === known,
  );
  if (!server || !staysInZone(planned, server)) return undefined;
  if (cardsOf(plan, planned).some((card) => isNew(card, facts))) return undefined;
  const listed = facts.flavors.find(({ id }) => id === server.flavor?.id);
  if ((listed?.name ?? facts.formerFlavors.get(server.id)) !== flavorName) return { server };
  return { server, flavor: listed ? "listed" : "former" };
}

const zoneOf = ({ inputs }: PlannedResource): string | undefined =>
  inputs.availabilityZone === undefined ? undefined : String(inputs.availabilityZone).split(":")[0];

const staysInZone = (planned: PlannedResource, server: Server): boolean =>
  [undefined, server["OS-EXT-AZ:availability_zone"]].includes(zoneOf(planned));

export function hasZone(planned: PlannedResource, { zones }: CloudFacts): boolean {
  const zone = zoneOf(planned);
  return zone === undefined || zones.includes(zone);
}

export interface FoundImage {
  id?: string;
  /** Undefined when it is gone. */
  fact?: ImageFact;
  /** What speaks against making a server with it. */
  problem?: string;
}

/**
 * The image of a planned server. The lock file's for one that is there; for a new one, too, while that still is one to
 * make servers with; else the only one of that name.
 */
export function imageOf(
  plan: LabPlan,
  planned: PlannedResource,
  { imageNamed, known }: ImageReference,
  facts: CloudFacts,
): FoundImage {
  const kept = known === undefined ? undefined : facts.keptImages.get(known);
  if (known !== undefined && (kept?.status === "active" || lastingOf(plan, planned, facts)))
    return {
      id: known,
      ...(kept ? { fact: kept } : {}),
      ...(kept?.status === "active" ? {} : { problem: unfit(imageNamed, kept) }),
    };
  const images = facts.images.get(imageNamed) ?? [];
  const fact = images.find(({ status }) => status === "active");
  if (!fact) return { problem: unfit(imageNamed, images[0]) };
  if (images.length > 1)
    return {
      fact,
      problem: `the cloud has ${images.length} images called "${imageNamed}", and nobody can say which is meant. Rename one.`,
    };
  return { id: fact.id, fact };
}

const unfit = (name: string, image: ImageFact | undefined): string =>
  image
    ? `image "${name}" of the cloud is ${image.status}, and no server starts from it. Have it mended.`
    : `the cloud has no image "${name}". "openstack image list" shows what it has.`;

export const needsOf = ({ inputs }: PlannedResource): FlavorNeeds | undefined =>
  isFlavorReference(inputs.flavorName) ? inputs.flavorName.flavorWith : undefined;

/** Named, or chosen: for the image, too. */
export function flavorOf(plan: LabPlan, server: PlannedResource, facts: CloudFacts): FlavorFact | undefined {
  const needs = needsOf(server);
  if (!needs) return facts.flavors.find(({ name }) => name === server.inputs.flavorName);
  const { imageId } = server.inputs;
  const image = isImageReference(imageId) ? imageOf(plan, server, imageId, facts).fact : undefined;
  return smallestFlavor(facts, needs, image);
}
