import type { Context } from "./context";
import type { MachineFacts } from "./machines";
import type { NetworkFacts } from "./networks";
import { type PlannedResource, resourceKey } from "./types";
import { machineResource, snapshotResources } from "./virtualbox-machine";
import { type InstalledDisk, MediumPlan } from "./virtualbox-media";
import { virtualBoxNetwork } from "./virtualbox-network";

/** Networks, media, machines and snapshots of VirtualBox. */
export function planVirtualBox(
  context: Context,
  networks: readonly NetworkFacts[],
  machines: readonly MachineFacts[],
  installed: InstalledDisk,
): PlannedResource[] {
  const resources: PlannedResource[] = [];
  for (const network of networks) {
    const resource = virtualBoxNetwork(network, machines);
    if (resource) resources.push(resource);
  }
  const networkKeys = new Set(resources.map(({ kind, name }) => resourceKey(kind, name)));
  const media = new MediumPlan(context, installed);
  for (const machine of machines)
    resources.push(machineResource(machine, media, networkKeys), ...snapshotResources(machine));
  return [...resources, ...media.resources()];
}
