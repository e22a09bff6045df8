import { LabError } from "../core/errors";
import type { HostOnlyFacts, VirtualBoxClient } from "./client";
import { interfacesByPlan } from "./host-facts";
import { type NetworkMark, plannedInterfaces, writeNetworkMark } from "./network-mark";

/**
 * The interface of a host-only network. VirtualBox chooses its name, so our mark can only say it afterwards; which
 * ones there were before says what a run that was killed in between has made.
 */
export async function ensureHostOnly(
  client: VirtualBoxClient,
  name: string,
  found: HostOnlyFacts | undefined,
  mark: NetworkMark,
): Promise<HostOnlyFacts> {
  if (found) return found;
  const card = (await leftover(client, name, mark)) ?? (await client.createHostOnly());
  const { before: _, ...rest } = mark;
  await writeNetworkMark(client, name, { ...rest, interface: card });
  interfacesByPlan.forget(client);
  const made = (await client.hostOnlyInterfaces()).find((one) => one.interface === card);
  if (!made) throw new LabError(`network "${name}": VirtualBox made ${card} and does not show it`);
  return made;
}

async function leftover(
  client: VirtualBoxClient,
  name: string,
  { before }: NetworkMark,
): Promise<string | undefined> {
  if (!before) return undefined;
  const claimed = new Set(Object.values(await plannedInterfaces(client)));
  const candidates = (await client.hostOnlyInterfaces())
    .map((one) => one.interface)
    .filter((card) => !before.includes(card) && !claimed.has(card));
  if (candidates.length > 1)
    throw new LabError(
      `network "${name}": an earlier run was killed while VirtualBox made its interface, and it may be one of ${candidates.join(", ")}. Remove what nobody uses by "VBoxManage hostonlyif remove NAME", and run "pulumi up" again.`,
    );
  return candidates[0];
}
