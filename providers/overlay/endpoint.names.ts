import { createHash } from "node:crypto";
import type { Mark } from "../core/definition";
import type { EndpointInputs } from "./types";

/** Bytes that VXLAN puts around a packet: Ethernet 14, VXLAN 8, UDP 8, and IPv4 20 or IPv6 40 (RFC 7348). */
export const overhead = (local: string): number => (local.includes(":") ? 70 : 50);

/** Whose a device, a script or a bridge is; stands in one line, without blanks, and between single quotes. */
export const ownerOf = (mark: Mark): string =>
  [mark.lab, mark.stack, mark.name].map(encodeURIComponent).join("/").replaceAll("'", "%27");

/** Of a device: its alias in the kernel, which `ip link` shows. */
export const aliasOf = (mark: Mark): string => `labplan:${ownerOf(mark)}`;

const digest = (text: string): string => createHash("sha256").update(text).digest("hex");

/** Of the VXLAN device; at most 12 characters, one per network identifier, as the kernel has it. */
export const vxlanName = ({ vni }: Pick<EndpointInputs, "vni">): string => `lpvx${vni}`;

/** Open vSwitch has one port for each peer. */
export const PORT_PREFIX = "lpvx-";
export const portName = (device: string, underlay: string): string =>
  `${PORT_PREFIX}${digest(`${device} ${underlay}`).slice(0, 8)}`;

/**
 * The bridge's own: it outlives a VXLAN device that is made anew, and a reboot, so that no neighbour holds a stale
 * one. The first byte says "locally administered".
 */
export const macOf = (mark: Mark, device: string): string =>
  `02:${digest(`${ownerOf(mark)} ${device}`)
    .slice(0, 10)
    .match(/../g)
    ?.join(":")}`;

export const scriptPath = (device: string): string => `/etc/labplan/overlay/${device}.sh`;
export const unitName = (device: string): string => `labplan-overlay-${device}.service`;
export const unitPath = (device: string): string => `/etc/systemd/system/${unitName(device)}`;

/** IPv6 addresses as the kernel writes them, so that they can be compared as text. */
export function canonical(address: string): string {
  if (!address.includes(":")) return address;
  try {
    return new URL(`http://[${address}]`).hostname.slice(1, -1);
  } catch {
    return address;
  }
}
