import type { FogClient, FogHost } from "./client";
import type { ImagedHostState } from "./imaged-host";
import { sameFogName } from "./marks";

/** The record of the state; the server may have been set up anew, and its number given to another host. */
export async function recordOf(
  client: FogClient,
  known: Pick<ImagedHostState, "name"> & Partial<Pick<ImagedHostState, "hostId">>,
): Promise<FogHost | undefined> {
  const byId = known.hostId === undefined ? undefined : await client.host(known.hostId);
  return byId && sameFogName(byId.name, known.name) ? byId : client.hostByName(known.name);
}
