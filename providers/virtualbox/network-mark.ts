import type { VirtualBoxClient } from "./client";
import { type FoundMark, networkKey } from "./marks";

/** What the global extra data say of a network: networks have none of their own. */
export interface NetworkMark extends FoundMark {
  /** Interface of a host-only network, whose name VirtualBox chooses. */
  interface?: string;
  /** Interfaces that were there before ours was made: kept until ours is known. */
  before?: string[];
}

/** Undefined for what is not ours to read. */
export function parseNetworkMark(value: string | undefined): NetworkMark | undefined {
  if (value === undefined) return undefined;
  try {
    const { mark, adopted = false, ...rest } = JSON.parse(value) as Record<string, unknown>;
    return typeof mark === "string" ? { text: mark, adopted: adopted === true, ...rest } : undefined;
  } catch {
    return undefined;
  }
}

export const renderNetworkMark = ({ text, adopted, ...rest }: NetworkMark): string =>
  JSON.stringify({ mark: text, ...(adopted ? { adopted } : {}), ...rest });

export const readNetworkMark = async (
  client: VirtualBoxClient,
  name: string,
): Promise<NetworkMark | undefined> => parseNetworkMark((await client.extraData("global"))[networkKey(name)]);

export const writeNetworkMark = (
  client: VirtualBoxClient,
  name: string,
  mark: NetworkMark | undefined,
): Promise<void> => client.setExtraData("global", networkKey(name), mark && renderNetworkMark(mark));

/** Interfaces of the host-only networks that labs made here, by the networks' names. */
export async function plannedInterfaces(client: VirtualBoxClient): Promise<Record<string, string>> {
  const prefix = networkKey("");
  const found = Object.entries(await client.extraData("global")).flatMap(([key, value]) => {
    const name = key.startsWith(prefix) ? parseNetworkMark(value)?.interface : undefined;
    return name === undefined ? [] : [[key.slice(prefix.length), name]];
  });
  return Object.fromEntries(found);
}
