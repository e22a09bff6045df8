import type { NetworkConfig } from "../config/types";
import type { Context } from "./context";

type Field = keyof NetworkConfig;

/** What VirtualBox's networks do not have, and what to do about it. */
const REFUSED: Partial<Record<Field, string>> = {
  domain: "Its DHCP server hands out none: set `hostName` to the full name of each machine",
  mtu: "Its networks have 1500: set it within the guests",
  forwardDevice: "The host's own routes decide: take it out",
  ipv6: "Take it out, or put the network on libvirt",
  template: "It is a template of libvirt's XML: take it out",
};

/** Told of VirtualBox as a whole, and not once more of a mode. */
export const LIBVIRT_ONLY: ReadonlySet<string> = new Set(Object.keys(REFUSED));

/** Checks of a network on VirtualBox. */
export function checkVirtualBoxNetwork({ problems }: Context, logical: string, config: NetworkConfig): void {
  const add = (field: Field, message: string) => problems.add(["networks", logical, field], message);
  const { mode } = config;
  if (mode === "routed" || mode === "open")
    add("mode", `VirtualBox has no mode ${mode}. Use nat, isolated, hostonly or bridge.`);
  for (const [field, advice] of Object.entries(REFUSED) as [Field, string][])
    if (config[field] !== undefined) add(field, `VirtualBox's networks have no ${field}. ${advice}.`);
  if (config.autostart === false)
    add("autostart", `VirtualBox starts a network with its first machine. Take \`autostart\` out.`);
  const isBridge = mode === "bridge" || (mode === undefined && config.cidr === undefined);
  if (config.bridge !== undefined && !isBridge)
    add(
      "bridge",
      `VirtualBox makes no bridge on the host. Take it out, or use \`mode: bridge\` for a network card of the host.`,
    );
}
