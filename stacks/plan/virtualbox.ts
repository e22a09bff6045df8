import type { Context } from "./context";
import {
  buildKey,
  buildResource,
  type InstallDisk,
  installDiskName,
  installDiskRemoteName,
} from "./install-build";
import type { InstallFacts } from "./installs";
import type { MachineFacts } from "./machines";
import type { NetworkFacts } from "./networks";
import { type PlannedResource, resourceKey } from "./types";
import { machineResource, snapshotResources } from "./virtualbox-machine";
import { MediumPlan } from "./virtualbox-media";
import { virtualBoxNetwork } from "./virtualbox-network";

/** Networks, media, machines and snapshots of VirtualBox. */
export function planVirtualBox(
  context: Context,
  networks: readonly NetworkFacts[],
  machines: readonly MachineFacts[],
  installs: readonly InstallFacts[],
): PlannedResource[] {
  const resources: PlannedResource[] = [];
  for (const network of networks) {
    const resource = virtualBoxNetwork(network, machines);
    if (resource) resources.push(resource);
  }
  const networkKeys = new Set(resources.map(({ kind, name }) => resourceKey(kind, name)));
  const media = new MediumPlan(context);
  for (const install of installs) resources.push(imageBuild(context, install, media));
  for (const machine of machines)
    resources.push(machineResource(machine, media, networkKeys), ...snapshotResources(machine));
  return [...resources, ...media.resources()];
}

/** An image that is installed here, onto a medium of its own. */
function imageBuild(context: Context, facts: InstallFacts, media: MediumPlan): PlannedResource {
  const { image, install, backend } = facts;
  const { key, inputs } = media.installed(
    image,
    { name: install.backend, backend },
    { name: installDiskName(facts), remoteName: installDiskRemoteName(facts) },
    facts.sizeBytes,
    [buildKey(facts)],
  );
  const disk: InstallDisk = { key, inputs: { kind: "virtualbox:Medium", inputs } };
  return buildResource(context, facts, disk, []);
}
