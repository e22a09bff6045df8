import { isEmbedded, placeOf } from "../config/place";
import type { BackendConfig } from "../config/types";

/** What machines and networks of a backend are made with. */
export type Hypervisor = "libvirt" | "virtualbox" | "openstack";

/** Kinds of backends that images can be installed on. */
export const HYPERVISOR_KINDS = ["libvirt", "virtualbox", "embedded"] as const;

/** Kinds of backends that networks can live on. */
export const NETWORK_KINDS = [...HYPERVISOR_KINDS, "openstack"] as const;

/** And machines: hosts of bare metal too. */
export const MACHINE_KINDS = [...NETWORK_KINDS, "fog"] as const;

/** `kind: embedded` is the embedded lab's libvirt; its VirtualBox has a host of that name. */
export const hypervisorOf = ({ kind }: BackendConfig): Hypervisor =>
  kind === "virtualbox" || kind === "openstack" ? kind : "libvirt";

/** Backends with the same text here are one hypervisor, whatever they are called. Two of them may share a machine. */
export const hypervisorPlace = (backend: BackendConfig): string =>
  hypervisorOf(backend) === "virtualbox" ? `virtualbox ${placeOf(backend)}` : placeOf(backend);

/** Whose ports a forward takes: this machine's, of whichever VirtualBox, or another machine's, as whoever we log in. */
export const portSpaceOf = (backend: BackendConfig): string => remoteHost(backend) ?? "this machine";

/** Name of the other machine that a hypervisor is on; undefined on this one. */
export function remoteHost(backend: BackendConfig): string | undefined {
  if (isEmbedded(backend)) return undefined;
  const address =
    backend.kind === "virtualbox" ? backend.host : backend.kind === "libvirt" ? backend.uri : undefined;
  const [, host] = /^(?:ssh|qemu\+ssh):\/\/(?:[^@/]*@)?(\[[^\]]*\]|[^/:?]+)/.exec(address ?? "") ?? [];
  return host?.toLowerCase();
}

/** `libvirt`, `VirtualBox`: for messages. */
export const HYPERVISOR_NAMES: Record<Hypervisor, string> = {
  libvirt: "libvirt",
  virtualbox: "VirtualBox",
  openstack: "OpenStack",
};
