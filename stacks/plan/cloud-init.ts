import type { CloudInitConfig } from "../config/types";
import { formatIpv4 } from "./ipv4";
import type { MachineFacts } from "./machines";

const USER = "labplan";

/** What goes into a machine's seed: given, or by default where it starts from an image that reads one. */
export function planCloudInit({ config, nics }: MachineFacts): CloudInitConfig | undefined {
  const fromImage = (config.disks ?? []).some((disk) => disk.image !== undefined);
  const given = config.cloudInit ?? (fromImage && config.iso === undefined ? {} : undefined);
  if (!given) return undefined;
  const networkConfig = given.networkConfig ?? staticAddresses(nics);
  return {
    user: given.user ?? USER,
    ...(given.sshKeys === undefined ? {} : { sshKeys: given.sshKeys.map((key) => key.trim()) }),
    ...(given.userData === undefined ? {} : { userData: given.userData }),
    ...(networkConfig === undefined ? {} : { networkConfig }),
  };
}

/**
 * Network config (version 2) where an address is planned on a network without DHCP, which nobody else would tell the
 * guest. Cards are found by MAC, because their names are the guest's affair.
 */
function staticAddresses(nics: MachineFacts["nics"]): Record<string, unknown> | undefined {
  const isStatic = ({ network, ip }: (typeof nics)[number]) =>
    ip !== undefined && network?.cidr !== undefined && network.dhcp === undefined;
  if (!nics.some(isStatic)) return undefined;
  // One default route: that of the DHCP network if there is one.
  let routed = nics.some(({ network }) => network?.dhcp !== undefined || network === undefined);
  const ethernets = nics.map((nic, position) => {
    const { network, mac, ip } = nic;
    const common = { match: { macaddress: mac } };
    if (!isStatic(nic) || !network?.cidr) {
      const dhcp4 = network === undefined || network.mode === "bridge" || network.dhcp !== undefined;
      return [`nic${position}`, { ...common, dhcp4, optional: true }];
    }
    const leadsOut = network.mode !== "isolated" && network.gateway !== undefined && !routed;
    if (leadsOut) routed = true;
    const gateway = formatIpv4(network.gateway ?? 0);
    return [
      `nic${position}`,
      {
        ...common,
        addresses: [`${ip}/${network.cidr.prefix}`],
        ...(leadsOut
          ? { routes: [{ to: "0.0.0.0/0", via: gateway }], nameservers: { addresses: [gateway] } }
          : {}),
      },
    ];
  });
  return { version: 2, ethernets: Object.fromEntries(ethernets) };
}
