import type { NetworkInputs } from "../../providers/virtualbox/network";
import { forwardName } from "./forwards";
import { formatCidr, formatIpv4 } from "./ipv4";
import type { MachineFacts } from "./machines";
import { shortName } from "./names";
import type { NetworkFacts } from "./networks";
import { renamed } from "./renamed";
import { byCodeUnit } from "./stable";
import type { PlannedResource } from "./types";
import { dhcpServerOf } from "./virtualbox-addresses";

const TYPES = { nat: "natnetwork", hostonly: "hostonly", isolated: "intnet" } as const;

/**
 * A NAT network, a host-only network, or the DHCP server of an internal one. Undefined where there is nothing to make:
 * an internal network is but a name, and a card of the host is there.
 */
export function virtualBoxNetwork(
  network: NetworkFacts,
  machines: readonly MachineFacts[],
): PlannedResource | undefined {
  const { logical, config, mode, cidr, gateway, dhcp } = network;
  const type = mode === "nat" || mode === "hostonly" || mode === "isolated" ? TYPES[mode] : undefined;
  const server = dhcpServerOf(network);
  if (type === undefined || !cidr || gateway === undefined) return undefined;
  if (type === "intnet" && !dhcp) return undefined;
  const forwards = type === "natnetwork" ? forwardsOf(network, machines) : [];
  const inputs: NetworkInputs = {
    name: network.name,
    backend: config.backend,
    type,
    cidr: formatCidr(cidr),
    gateway: formatIpv4(gateway),
    ...(dhcp && server !== undefined
      ? {
          dhcp: {
            server: formatIpv4(server),
            from: formatIpv4(dhcp.from),
            to: formatIpv4(dhcp.to),
            hosts: hostsOf(network, machines),
          },
        }
      : {}),
    ...(forwards.length > 0 ? { forwards } : {}),
    ...(config.adopt === undefined ? {} : { adopt: config.adopt }),
    ...(config.onDestroy === undefined ? {} : { onDestroy: config.onDestroy }),
  };
  return {
    kind: "virtualbox:Network",
    ...renamed(logical, config, network.seed),
    inputs: { ...inputs },
    dependsOn: [],
    recreateWith: [],
    backend: network.backend,
  };
}

/** A reservation for every card on the network whose address is planned. */
function hostsOf(
  network: NetworkFacts,
  machines: readonly MachineFacts[],
): NonNullable<NetworkInputs["dhcp"]>["hosts"] {
  return machines
    .flatMap(({ hostName, nics }) =>
      nics.flatMap((nic) =>
        nic.network === network && nic.ip !== undefined
          ? [{ mac: nic.mac, ip: nic.ip, name: shortName(hostName) }]
          : [],
      ),
    )
    .sort((a, b) => byCodeUnit(a.mac, b.mac));
}

/** Ports of the host that lead to machines on this network: declared ones, and the way in of SSH. */
function forwardsOf(
  network: NetworkFacts,
  machines: readonly MachineFacts[],
): NonNullable<NetworkInputs["forwards"]> {
  return machines
    .flatMap(({ seed, nics, ssh }) =>
      nics.flatMap((nic) => {
        const { ip: guestIp } = nic;
        if (nic.network !== network || guestIp === undefined) return [];
        const declared = (nic.config.forwards ?? []).map((forward) => ({
          ...forward,
          name: `${seed}-${forwardName(forward)}`,
          guestIp,
        }));
        if (!ssh?.allocated || ssh.nic !== nic) return declared;
        const { port: hostPort, guestPort, host: hostIp } = ssh;
        return [
          ...declared,
          { name: `${seed}-ssh`, protocol: "tcp" as const, hostIp, hostPort, guestPort, guestIp },
        ];
      }),
    )
    .sort((a, b) => byCodeUnit(a.name, b.name));
}
