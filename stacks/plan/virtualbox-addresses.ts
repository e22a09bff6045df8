import { markPrefix } from "../../providers/core/definition";
import type { NetworkConfig } from "../config/types";
import type { Context } from "./context";
import type { Hypervisor } from "./hypervisor";
import { type Cidr, cidrAround, contains, formatCidr, formatIpv4 } from "./ipv4";
import type { NetworkFacts } from "./networks";

/**
 * Where VirtualBox lets host-only networks be (manual, 6.7 "Host-Only Networking"), unless the host's
 * /etc/vbox/networks.conf says otherwise.
 */
export const HOST_ONLY_POOL: Cidr = cidrAround(0xc0_a8_38_00, 21);

export const isHostOnly = ({ hypervisor, mode }: Pick<NetworkFacts, "hypervisor" | "mode">): boolean =>
  hypervisor === "virtualbox" && mode === "hostonly";

/**
 * Name at the hypervisor by default. An internal network of VirtualBox is but a name that cards share, and nothing
 * that could carry a mark: with a plain one, two labs' "storage" would be joined.
 */
export function networkName(
  { config }: Context,
  hypervisor: Hypervisor,
  mode: NonNullable<NetworkConfig["mode"]>,
  seed: string,
): string {
  const isPlain = hypervisor !== "virtualbox" || mode === "nat" || mode === "bridge";
  return isPlain ? seed : `${markPrefix(config)}${seed}`;
}

/** A NAT network has its gateway at .1, the host's 127.0.0.1 at .2 and its DHCP server at .3 (seen with 7.2). */
const NAT_GATEWAY = 1;
const NAT_HOST = 2;
const NAT_DHCP = 3;
/** Of the other networks the DHCP server is ours to place. */
const OTHER_DHCP = 2;

const hasDhcpServer = ({ config, mode }: NetworkFacts): boolean =>
  (config.dhcp ?? mode !== "isolated") !== false;

/** Addresses that no machine can have, after checks of what VirtualBox's own addresses ask for. */
export function reservedOnVirtualBox({ problems, notes }: Context, facts: NetworkFacts): number[] {
  const { logical, cidr, mode, gateway, config } = facts;
  if (!cidr || mode === "bridge") return [];
  if (mode === "nat" && config.gateway !== undefined && gateway !== cidr.network + NAT_GATEWAY)
    problems.add(
      ["networks", logical, "gateway"],
      `VirtualBox's NAT network has its gateway at ${formatIpv4(cidr.network + NAT_GATEWAY)}. Leave \`gateway\` out.`,
    );
  if (
    isHostOnly(facts) &&
    !(contains(HOST_ONLY_POOL, cidr.network) && contains(HOST_ONLY_POOL, cidr.broadcast))
  )
    notes.push(
      `${logical}: VirtualBox lets host-only networks have addresses of ${formatCidr(HOST_ONLY_POOL)} alone, unless /etc/vbox/networks.conf of its host allows ${formatCidr(cidr)}.`,
    );
  const server = dhcpServerOf(facts);
  if (cidr.prefix > 29 && server !== undefined)
    problems.add(
      ["networks", logical, "cidr"],
      `a /${cidr.prefix} has no room for VirtualBox's own addresses (gateway and DHCP server) and a machine. Use /29 or larger.`,
    );
  const own =
    mode === "nat"
      ? [cidr.network + NAT_HOST, cidr.network + NAT_DHCP]
      : server === undefined
        ? []
        : [server];
  return own.filter((address) => address !== gateway);
}

/** The DHCP server's own address, where there is one. */
export function dhcpServerOf(facts: NetworkFacts): number | undefined {
  const { cidr, mode, gateway } = facts;
  if (!cidr || mode === "bridge" || !hasDhcpServer(facts)) return undefined;
  if (mode === "nat") return cidr.network + NAT_DHCP;
  const usual = cidr.network + OTHER_DHCP;
  return usual === gateway ? usual + 1 : usual;
}

/** The host's 127.0.0.1 as machines on a NAT network see it. */
export const natHostOf = ({ cidr }: NetworkFacts): number | undefined => cidr && cidr.network + NAT_HOST;
