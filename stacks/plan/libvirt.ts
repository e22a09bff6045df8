import type { PoolInputs } from "../../providers/libvirt/pool";
import type { BackendConfig } from "../config/types";
import { type Context, originOf } from "./context";
import { uuidOf } from "./identity";
import {
  buildKey,
  buildResource,
  type InstallDisk,
  installDiskName,
  installDiskRemoteName,
} from "./install-build";
import type { InstallFacts } from "./installs";
import { domainResource } from "./libvirt-domain";
import { networkResource } from "./libvirt-network";
import { VolumePlan } from "./libvirt-volumes";
import type { MachineFacts } from "./machines";
import type { NetworkFacts } from "./networks";
import { poolOf } from "./pools";
import { type PlannedResource, resourceKey } from "./types";

/** Networks, pools, volumes and domains. */
export function planLibvirt(
  context: Context,
  networks: readonly NetworkFacts[],
  machines: readonly MachineFacts[],
  installs: readonly InstallFacts[],
): PlannedResource[] {
  const boots = new Map(installs.map(({ network, server }) => [network, { url: `${server.url}/boot.ipxe` }]));
  const resources = networks.map((network) => networkResource(network, machines, boots.get(network)));
  const volumes = new VolumePlan(context);
  for (const install of installs) resources.push(imageBuild(context, install, volumes));
  for (const machine of machines) resources.push(domainResource(machine, volumes));
  resources.push(...volumes.resources());
  for (const [name, backend] of volumes.pools()) resources.push(poolResource(context, name, backend));
  return resources;
}

/** An image that is installed here, onto a volume of its own. */
function imageBuild(context: Context, facts: InstallFacts, volumes: VolumePlan): PlannedResource {
  const { image, install, backend, network } = facts;
  const { key, inputs } = volumes.installed(
    image,
    { name: install.backend, backend },
    { name: installDiskName(facts), remoteName: installDiskRemoteName(facts) },
    facts.sizeBytes,
    [buildKey(facts)],
  );
  const disk: InstallDisk = { key, inputs: { kind: "libvirt:Volume", inputs } };
  const needs = network ? [resourceKey("libvirt:Network", network.logical)] : [];
  return buildResource(context, facts, disk, needs);
}

function poolResource(context: Context, logical: string, backend: BackendConfig): PlannedResource {
  const { name, path = "" } = poolOf(context, logical);
  const inputs: PoolInputs = {
    name,
    uuid: uuidOf(originOf(context, logical, "pool", logical)),
    backend: logical,
    path,
  };
  return {
    kind: "libvirt:Pool",
    name: logical,
    inputs: { ...inputs },
    dependsOn: [],
    recreateWith: [],
    backend,
  };
}
