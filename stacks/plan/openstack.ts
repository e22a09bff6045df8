import { markPrefix } from "../../providers/core/definition";
import type { Context } from "./context";
import type { MachineFacts } from "./machines";
import type { NetworkFacts } from "./networks";
import { labGroupResources, machineGroupResources } from "./openstack-groups";
import { networkResources } from "./openstack-network";
import { type Keypair, keypairOf, serverResources } from "./openstack-server";
import type { PlannedResource } from "./types";

/** Networks, routers, security groups, keypairs, ports, servers and floating IPs of OpenStack clouds. */
export function planOpenStack(
  context: Context,
  networks: readonly NetworkFacts[],
  machines: readonly MachineFacts[],
): PlannedResource[] {
  const resources = networks.flatMap((network) => networkResources(context, network));
  const keypairs = new Map<string, Keypair>();
  const clouds = new Map(machines.map(({ config, backend }) => [config.backend, backend]));
  for (const [name, backend] of clouds) resources.push(...labGroupResources(context, name, backend));
  for (const machine of machines) {
    const keypair = keypairOf(machine, markPrefix(context.config));
    if (keypair) keypairs.set(`${machine.config.backend} ${keypair.name}`, keypair);
    resources.push(...machineGroupResources(context, machine), ...serverResources(context, machine, keypair));
  }
  return [...resources, ...[...keypairs.values()].map(({ resource }) => resource)];
}
