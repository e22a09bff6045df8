import type { NodeLogin } from "../devstack/types";

/** One end of the overlay on a node: a VXLAN device on a bridge of its own, with a port to each peer. */
export interface EndpointInputs {
  /** Logical name of the machine. */
  name: string;
  backend: string;
  login: NodeLogin;
  /** Linux bridge, or Open vSwitch. */
  bridge: "linux" | "ovs";
  /** Name of the bridge on the node, at most 15 characters. */
  device: string;
  /** VXLAN network identifier, 1 … 16777215. */
  vni: number;
  /** UDP port. */
  port: number;
  /** MTU in bytes inside the overlay: the underlay's less 50, or less 70 over IPv6. */
  mtu: number;
  /** Own address on the underlay, as the peers reach it. */
  local: string;
  /** Own address in the overlay with its prefix length, `172.24.4.11/23`. */
  address: string;
  /** Nodes that packets go to directly, by logical name: all others in a mesh, the hub (or, on it, all others) in a star. */
  peers: Record<string, { underlay: string; overlay: string }>;
  /** On the hub of a star only: it passes packets on from one peer to another. */
  forwards?: boolean;
}

export interface EndpointState extends EndpointInputs {
  /** False when a device, a port to a peer or an address is missing on the node, or the unit that brings it back. */
  active: boolean;
}

/** What was measured between two nodes, from the first to the second. */
export interface PairResult {
  from: string;
  to: string;
  /** Overlay address that was pinged. */
  address: string;
  reached: boolean;
  /** A packet of exactly the MTU, not to be fragmented, came through. */
  fullSize: boolean;
  /** The first line that says why not. */
  reason?: string;
}
