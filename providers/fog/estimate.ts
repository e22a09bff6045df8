import type { FogClient, FogHost } from "./client";
import { sameFogName } from "./marks";

/** `about 9 min`, `about 40 s` */
export const aboutText = (seconds: number): string =>
  seconds < 90 ? `about ${Math.max(1, Math.round(seconds))} s` : `about ${Math.round(seconds / 60)} min`;

/**
 * Seconds that an imaging will take, by the server's log: as long as the last one of this image on this host, else on
 * any, else as this host's last one. Undefined when there was none, and when the log cannot be read: it is no promise.
 */
export async function estimateS(
  client: FogClient,
  image: string,
  host: Pick<FogHost, "id"> | undefined,
): Promise<number | undefined> {
  const log = await client.imagings().catch(() => []);
  const ofImage = log.filter((one) => sameFogName(one.image, image) && one.seconds >= 0);
  const ofHost = log.filter((one) => one.host === host?.id && one.seconds >= 0);
  return (ofImage.find((one) => one.host === host?.id) ?? ofImage[0] ?? ofHost[0])?.seconds;
}

/** `wipes pod1-node1: image clean-c7 → rocky9 (about 9 min)` */
export function wipeSentence(
  name: string,
  from: { image?: string | undefined; generation?: number },
  to: { image: string; generation: number },
  seconds: number | undefined,
): string {
  const time = seconds === undefined ? "" : ` (${aboutText(seconds)})`;
  const again =
    from.image !== undefined && sameFogName(from.image, to.image) && from.generation !== undefined;
  const what = again
    ? `image ${to.image} again, generation ${from.generation} → ${to.generation}`
    : `image ${from.image ?? "(none)"} → ${to.image}`;
  return `wipes ${name}: ${what}${time}`;
}
