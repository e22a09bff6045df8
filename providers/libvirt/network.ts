import type { DhcpRange } from "../../stacks/config/types";

/** A DHCP reservation. */
export interface Lease {
  mac: string;
  ip: string;
  hostName: string;
}

export interface NetworkInputs {
  /** Name in libvirt. */
  name: string;
  uuid: string;
  /** Logical name of the backend. */
  backend: string;
  mode: "nat" | "isolated" | "routed" | "bridge" | "open";
  /** Name of the host bridge: ours to make, except in mode `bridge`, where it must exist. */
  bridge: string;
  /** IPv4 network; absent in mode `bridge` and for pure layer 2. */
  cidr?: string;
  /** The bridge's own address in `cidr`. */
  gateway?: string;
  dhcp?: DhcpRange;
  /** Planned reservations, sorted by MAC. */
  leases?: Lease[];
  domain?: string;
  mtu?: number;
  forwardDevice?: string;
  ipv6?: { cidr: string };
  /** Network boot: where iPXE, and nothing else, is sent by the network's DHCP server. Needs `dhcp` or `leases`. */
  boot?: { url: string };
  /** Starts with the hypervisor. */
  autostart: boolean;
  /** The user's own Jinja template of the network XML, given the fields above. */
  template?: string;
  adopt?: boolean;
  onDestroy?: "release" | "delete";
}

export interface NetworkState extends NetworkInputs {
  /** False when someone stopped it; reconcile starts it again. */
  active: boolean;
  adopted?: boolean;
}
