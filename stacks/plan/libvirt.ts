import type { PoolInputs } from "../../providers/libvirt/pool";
import type { BackendConfig } from "../config/types";
import { type Context, originOf } from "./context";
import { uuidOf } from "./identity";
import { domainResource } from "./libvirt-domain";
import { networkResource } from "./libvirt-network";
import { VolumePlan } from "./libvirt-volumes";
import type { MachineFacts } from "./machines";
import type { NetworkFacts } from "./networks";
import { poolOf } from "./pools";
import type { PlannedResource } from "./types";

/** Networks, pools, volumes and domains. */
export function planLibvirt(
  context: Context,
  networks: readonly NetworkFacts[],
  machines: readonly MachineFacts[],
): PlannedResource[] {
  const resources = networks.map((network) => networkResource(network, machines, undefined));
  const volumes = new VolumePlan(context);
  for (const machine of machines) resources.push(domainResource(machine, volumes));
  resources.push(...volumes.resources());
  for (const [name, backend] of volumes.pools()) resources.push(poolResource(context, name, backend));
  return resources;
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
