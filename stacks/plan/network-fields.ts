import type { NetworkConfig } from "../config/types";
import type { Context } from "./context";
import type { Hypervisor } from "./hypervisor";
import { badBridgeName, badDnsName, badLogicalName, badRemoteName } from "./names";
import { checkOpenStackNetwork } from "./openstack-fields";
import { checkVirtualBoxNetwork, LIBVIRT_ONLY } from "./virtualbox-network-fields";

/** nat where there is a cidr or nothing at all; bridge where only a bridge is given. */
export const modeOf = (config: NetworkConfig): NonNullable<NetworkConfig["mode"]> =>
  config.mode ?? (config.cidr === undefined && config.bridge !== undefined ? "bridge" : "nat");

/** What a host bridge brings itself, or has nothing to do with. */
const NOT_ON_A_BRIDGE = ["cidr", "gateway", "domain", "mtu", "forwardDevice", "ipv6"] as const;

/** Checks of one network that need nothing but its own fields. */
export function checkNetworkFields(
  context: Context,
  logical: string,
  config: NetworkConfig,
  hypervisor: Hypervisor | undefined,
): void {
  const { problems } = context;
  const path = ["networks", logical];
  const mode = modeOf(config);
  if (hypervisor === "openstack") {
    checkOpenStackNetwork(config, (field, message) => problems.add([...path, ...field], message));
    checkNames(problems, logical, config);
    checkMtu(problems, logical, config);
    return;
  }
  if (hypervisor === "virtualbox") checkVirtualBoxNetwork(context, logical, config);
  else if (hypervisor === "libvirt" && mode === "hostonly")
    problems.add(
      [...path, "mode"],
      `mode hostonly is VirtualBox's. On libvirt use isolated: its machines and the host reach each other, and nobody else.`,
    );
  checkNames(problems, logical, config);

  if (config.bridge !== undefined) {
    // To VirtualBox it is any card of the host, and those have names like "en0: Wi-Fi" elsewhere.
    const badBridge = hypervisor === "virtualbox" ? undefined : badBridgeName(config.bridge);
    if (badBridge)
      problems.add(
        [...path, "bridge"],
        `bridge "${config.bridge}" cannot be: ${badBridge}. ${mode === "bridge" ? "Name a bridge of the host." : "Choose another, or leave it out for a derived one."}`,
      );
  } else if (mode === "bridge")
    problems.add(
      [...path, "mode"],
      hypervisor === "virtualbox"
        ? `mode bridge needs the name of a network card of the host. Add it, like \`bridge: eth0\`.`
        : `mode bridge needs the name of a bridge that the host has. Add it, like \`bridge: br0\`.`,
    );

  if (mode === "bridge") {
    for (const field of NOT_ON_A_BRIDGE)
      if (config[field] !== undefined && !(hypervisor === "virtualbox" && LIBVIRT_ONLY.has(field)))
        problems.add(
          [...path, field],
          `${field} has no effect on a bridge of the host, which brings its own. Remove it, or choose another mode.`,
        );
    if (config.dhcp)
      problems.add(
        [...path, "dhcp"],
        `a bridge of the host has the DHCP server of its own network, and ours would disturb it. Remove dhcp, or choose another mode.`,
      );
  }
  if (
    hypervisor !== "virtualbox" &&
    config.forwardDevice !== undefined &&
    (mode === "isolated" || mode === "open")
  )
    problems.add(
      [...path, "forwardDevice"],
      `a network of mode ${mode} has no forwardDevice. Remove it, or use mode nat or routed.`,
    );
  if (config.domain !== undefined) {
    const badDomain = badDnsName(config.domain);
    if (badDomain)
      problems.add([...path, "domain"], `domain "${config.domain}" is no DNS name: ${badDomain}.`);
  }
  if (hypervisor !== "virtualbox") checkMtu(problems, logical, config);
}

function checkNames(problems: Context["problems"], logical: string, { name }: NetworkConfig): void {
  const bad = badLogicalName(logical);
  if (bad) problems.add(["networks", logical], `${bad}. Rename it.`);
  const badRemote = name === undefined ? undefined : badRemoteName(name);
  if (badRemote) problems.add(["networks", logical, "name"], `name "${name}": ${badRemote}.`);
}

/** RFC 791 and RFC 8200 set the least; Linux takes no more than 65535. */
function checkMtu(problems: Context["problems"], logical: string, { mtu, ipv6 }: NetworkConfig): void {
  if (mtu === undefined) return;
  const least = ipv6 ? 1280 : 68;
  if (Number.isInteger(mtu) && mtu >= least && mtu <= 65535) return;
  problems.add(
    ["networks", logical, "mtu"],
    `mtu ${mtu} is outside ${least} to 65535${ipv6 ? " (IPv6 needs 1280)" : ""}. Usual are 1500, and 9000 for jumbo frames.`,
  );
}
