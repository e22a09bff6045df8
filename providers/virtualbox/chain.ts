import type { AttachmentFacts, MediumFacts, Uuid, VirtualBoxClient } from "./client";
import { baseName } from "./folder";

/** A medium that is attached, by the name of the one of ours that it is or is based on. */
export interface Attached extends AttachmentFacts {
  /** File name of ours with its ending; undefined for an empty drive and for a medium of somebody else's. */
  ours: string | undefined;
}

const isIn = (client: VirtualBoxClient, folder: string, path: string): boolean =>
  client.join(folder, baseName(path)) === path;

/**
 * Which media of our folder are attached. After a snapshot a machine writes to a differencing file of its own: the
 * nearest medium of ours below it counts. The list of media is only asked for where that is so.
 */
export async function attachedMedia(
  client: VirtualBoxClient,
  attachments: readonly AttachmentFacts[],
  folder: string,
): Promise<Attached[]> {
  const isElsewhere = ({ path, medium }: AttachmentFacts) =>
    path !== undefined && medium !== undefined && !isIn(client, folder, path);
  const media = attachments.some(isElsewhere) ? byUuid(await client.media()) : new Map<Uuid, MediumFacts>();
  return attachments.map((attachment) => {
    if (attachment.path === undefined) return { ...attachment, ours: undefined };
    if (isIn(client, folder, attachment.path)) return { ...attachment, ours: baseName(attachment.path) };
    const ours = chainOf(media, attachment.medium).find(({ path }) => isIn(client, folder, path));
    return { ...attachment, ours: ours && baseName(ours.path) };
  });
}

export const byUuid = (media: readonly MediumFacts[]): Map<Uuid, MediumFacts> =>
  new Map(media.map((medium) => [medium.uuid, medium]));

/** From a medium down to its base. */
export function chainOf(media: ReadonlyMap<Uuid, MediumFacts>, uuid: Uuid | undefined): MediumFacts[] {
  const chain: MediumFacts[] = [];
  for (let next = uuid; next !== undefined; ) {
    const medium = media.get(next);
    if (!medium || chain.includes(medium)) break;
    chain.push(medium);
    next = medium.parent;
  }
  return chain;
}
