import type { Lease, NetworkInputs } from "../../providers/libvirt/network";
import { formatCidr, formatIpv4 } from "./ipv4";
import type { MachineFacts } from "./machines";
import { shortName } from "./names";
import type { NetworkFacts } from "./networks";
import { renamed } from "./renamed";
import { byCodeUnit } from "./stable";
import type { PlannedResource } from "./types";

export function networkResource(
  network: NetworkFacts,
  machines: readonly MachineFacts[],
  boot: { url: string } | undefined,
): PlannedResource {
  const { logical, config, mode, cidr, gateway, dhcp } = network;
  const leases = dhcp ? leasesOf(network, machines) : [];
  const inputs: NetworkInputs = {
    name: network.name,
    uuid: network.uuid,
    backend: config.backend,
    // hostonly is refused on libvirt.
    mode: mode === "hostonly" ? "isolated" : mode,
    bridge: network.bridge,
    ...(cidr ? { cidr: formatCidr(cidr) } : {}),
    ...(gateway === undefined ? {} : { gateway: formatIpv4(gateway) }),
    ...(dhcp ? { dhcp: { from: formatIpv4(dhcp.from), to: formatIpv4(dhcp.to) } } : {}),
    ...(leases.length > 0 ? { leases } : {}),
    ...(config.domain === undefined ? {} : { domain: config.domain }),
    ...(config.mtu === undefined ? {} : { mtu: config.mtu }),
    ...(config.forwardDevice === undefined ? {} : { forwardDevice: config.forwardDevice }),
    ...(config.ipv6 === undefined ? {} : { ipv6: config.ipv6 }),
    ...(boot ? { boot } : {}),
    autostart: config.autostart ?? true,
    ...(config.template === undefined ? {} : { template: config.template }),
    ...(config.adopt === undefined ? {} : { adopt: config.adopt }),
    ...(config.onDestroy === undefined ? {} : { onDestroy: config.onDestroy }),
  };
  return {
    kind: "libvirt:Network",
    ...renamed(logical, config, network.seed),
    inputs: { ...inputs },
    dependsOn: [],
    recreateWith: [],
    backend: network.backend,
  };
}

/** A reservation for every card on the network whose address is planned. */
function leasesOf(network: NetworkFacts, machines: readonly MachineFacts[]): Lease[] {
  return machines
    .flatMap((machine) => {
      const cards = machine.nics.filter((nic) => nic.network === network && nic.ip !== undefined);
      // Two cards of one machine cannot both have its name: dnsmasq would answer with either.
      return cards.map(({ mac, ip = "", card }) => ({
        mac,
        ip,
        hostName: shortName(machine.hostName) + (/#\d+$/.exec(card)?.[0] ?? "").replace("#", "-"),
      }));
    })
    .sort((a, b) => byCodeUnit(a.mac, b.mac));
}
