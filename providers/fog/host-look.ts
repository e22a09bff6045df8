import type { Calls } from "./calls";
import type { FogHost } from "./client";
import { FogError } from "./errors";
import { hostOf, idOf, sameName } from "./parse";

/** Never built of anything but a number: a path without one can mean all hosts. */
export const hostPath = (id: number): string => `/host/${idOf(id, "a host")}`;

export async function hosts(calls: Calls): Promise<FogHost[]> {
  return (await calls.list("/host", "hosts")).map(hostOf);
}

export async function host(calls: Calls, id: number): Promise<FogHost | undefined> {
  const row = await calls.record(hostPath(id));
  return row && hostOf(row);
}

/** Out of the whole list: the server's search is for parts, and its filter is one line's alone. */
export async function hostByName(calls: Calls, name: string): Promise<FogHost | undefined> {
  const found = (await hosts(calls)).find((one) => sameName(one.name, name));
  // Lists of 1.6 show one MAC only.
  return found && host(calls, found.id);
}

export function refuseMacsOfOthers(
  calls: Calls,
  others: readonly FogHost[],
  name: string,
  macs: readonly string[],
): void {
  for (const other of others) {
    const taken = other.macs.filter((mac) => macs.includes(mac));
    if (taken.length > 0)
      throw new FogError(
        "conflict",
        `${calls.label}: ${taken.join(", ")} of host "${name}" is a MAC of its host "${other.name}" already.`,
      );
  }
}
