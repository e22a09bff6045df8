import type { Context } from "./context";
import { formatCidr, formatIpv4 } from "./ipv4";
import type { NetworkFacts } from "./networks";
import { describedBy, pluginResource } from "./openstack-marks";
import { outputOf } from "./openstack-references";
import { type PlannedResource, resourceKey } from "./types";

export const networkKey = (logical: string): string => resourceKey("openstack:networking/Network", logical);
export const subnetKey = (logical: string): string => resourceKey("openstack:networking/Subnet", logical);
export const routerKey = (logical: string): string => resourceKey("openstack:networking/Router", logical);
/** What must be there before a floating IP leads anywhere. */
export const routerInterfaceKey = (logical: string): string =>
  resourceKey("openstack:networking/RouterInterface", logical);

/** A network with its subnet; of mode nat with a router to the external network, too. */
export function networkResources(context: Context, network: NetworkFacts): PlannedResource[] {
  const { logical, seed, config, mode, cidr, gateway, dhcp } = network;
  if (!cidr) return [];
  const common = {
    backend: config.backend,
    name: network.name,
    description: describedBy(context, seed),
  };
  const leadsOut = mode === "nat" && gateway !== undefined;
  const resources = [
    pluginResource("openstack:networking/Network", network, {
      ...common,
      adminStateUp: true,
      ...(config.mtu === undefined ? {} : { mtu: config.mtu }),
    }),
    pluginResource(
      "openstack:networking/Subnet",
      network,
      {
        ...common,
        networkId: outputOf(networkKey(logical)),
        cidr: formatCidr(cidr),
        ipVersion: 4,
        enableDhcp: dhcp !== undefined,
        ...(leadsOut ? { gatewayIp: formatIpv4(gateway) } : { noGateway: true }),
        // What is handed out to strangers; planned addresses are ports' own.
        ...(dhcp ? { allocationPools: [{ start: formatIpv4(dhcp.from), end: formatIpv4(dhcp.to) }] } : {}),
      },
      // A new gateway finds the old one's router gone: see there.
      { dependsOn: [networkKey(logical), ...(leadsOut ? [routerKey(logical)] : [])] },
    ),
  ];
  if (!leadsOut) return resources;
  return [
    ...resources,
    pluginResource(
      "openstack:networking/Router",
      network,
      { ...common, adminStateUp: true, externalNetworkId: { cloud: "externalNetworkId" } },
      // Neutron keeps a subnet's gateway as long as a router has that address (409, GatewayIpInUse in
      // neutron/db/db_base_plugin_v2.py), and the engine makes the interface anew only after the subnet. The router it
      // makes anew before, with its interface. Counted from the subnet's start: another CIDR needs no other router.
      { recreateOn: String(gateway - cidr.network) },
    ),
    pluginResource(
      "openstack:networking/RouterInterface",
      network,
      {
        backend: config.backend,
        routerId: outputOf(routerKey(logical)),
        subnetId: outputOf(subnetKey(logical)),
      },
      { dependsOn: [routerKey(logical), subnetKey(logical)] },
    ),
  ];
}
