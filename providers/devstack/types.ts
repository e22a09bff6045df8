import type { SecretRef } from "../../stacks/config/types";
import type { PairResult } from "../overlay/types";

export type Role = "controller" | "compute" | "database" | "messagequeue" | "cell";

/** Who we log in to a node as; another user than root needs sudo without a password. */
export interface NodeLogin {
  user: string;
  identityFile?: string;
  /** Jump host, `[user@]host[:port]`. */
  via?: string;
  /** Pinned host key of the jump host; else the user's known_hosts. */
  viaHostKey?: string;
}

interface OnNode {
  /** Logical name of the machine. */
  name: string;
  backend: string;
  login: NodeLogin;
}

/** `devstack:Host`: what a node needs before devstack comes: a name, the user, its key, packages. */
export interface HostInputs extends OnNode {
  hostName: string;
  /** The user that devstack runs as. */
  user: string;
  /** The same on every node: live migration compares numbers. */
  uid: number;
  home: string;
  packages: string[];
}

export interface HostState extends HostInputs {
  /** Of the user's own key pair, made on the node: `ssh-ed25519 AAAA…`. The private key never leaves it. */
  publicKey: string;
  /** False when the user, a home that others can enter, sudo or the key is not as it must be. */
  intact: boolean;
}

/** `devstack:Mesh`: every node knows every other by name, address and key. */
export interface MeshInputs {
  /** Of the layout. */
  name: string;
  user: string;
  home: string;
  /** By logical name of the machine. */
  nodes: Record<string, MeshNode>;
  /** Which of them is the first controller: its nova is asked whether servers are on a node that leaves. */
  controller?: string;
}

export interface MeshNode {
  backend: string;
  login: NodeLogin;
  hostName: string;
  /** Where the other nodes reach it: in the overlay where there is one. */
  address: string;
}

export interface MeshState extends MeshInputs {
  /** Nodes where an entry is missing. */
  incomplete: string[];
}

/** `devstack:Node`: devstack itself. */
export interface NodeInputs extends OnNode {
  role: Role;
  user: string;
  home: string;
  /** URL of devstack's git repository. */
  repo: string;
  branch: string;
  /** Unified diffs that are applied to the clone, by name, in the order of their names. */
  patches: Record<string, string>;
  /** Files put into `extras.d`, by name. */
  extras: Record<string, string>;
  /** Text with `{{secret:name}}` in the place of secrets. */
  localConf: string;
  /** For each line of it, where it comes from: shown in a preview, never applied. */
  sources?: string[];
  /** The secrets in it, by the name that stands in the text. */
  secrets: Record<string, SecretRef>;
  /** Raise to stack anew. */
  generation: number;
  /** Commands that must succeed once it is stacked, as root. */
  checks: string[];
  /** Seconds that stack.sh may take, and may be silent. */
  timeoutS: number;
  silenceS: number;
}

export interface NodeState extends NodeInputs {
  /** ISO 8601 of the end of the last stack.sh that succeeded. */
  stackedAt: string;
  /** Digest of what it was stacked with. */
  stackedWith: string;
  /** False when what is on the node is not what was stacked. */
  intact: boolean;
}

/** `devstack:Join`: a compute that the controller knows, in a cell, and that can be scheduled to. */
export interface JoinInputs {
  /** Logical name of the compute. */
  name: string;
  /** Of the controller's machine. */
  backend: string;
  /** Into the controller. */
  login: NodeLogin;
  user: string;
  home: string;
  /** Into the compute. */
  computeLogin: NodeLogin;
  /** As nova calls it. */
  hostName: string;
  /** `cell1`, or as the layout names it. */
  cell: string;
  timeoutS: number;
  /** What controllers, database, message queue and conductor were stacked with: stacking drops what they knew of it. */
  edition?: string;
}

export interface JoinState extends JoinInputs {
  /** Of nova's service record; "" when there is none. */
  serviceId: string;
  /** False when it is disabled by us, as a removal that was cut off leaves it. */
  enabled: boolean;
  /** In the planned cell. */
  mapped: boolean;
  /** Why an administrator disabled it by hand: that stays so. */
  heldBack?: string;
  /** Of its resource provider in placement, and its name there. */
  providerId?: string;
  providerName?: string;
}

/** `devstack:Verify`: facts, each of which must be so. */
export interface VerifyInputs {
  /** Of the layout. */
  name: string;
  backend: string;
  /** Into the controller. */
  login: NodeLogin;
  /** That devstack runs as there, and its folder. @default stack, /opt/stack */
  user?: string;
  home?: string;
  nodes: Record<string, { login: NodeLogin; role: Role; hostName: string; overlay?: string }>;
  /** MTU of the overlay in bytes; absent where there is none. */
  mtu?: number;
  /** Pairs that must reach each other, `[from, to]`, by logical name. */
  pairs: [string, string][];
  /** Host names of the hypervisors by cell. */
  cells: Record<string, string[]>;
  /** Services that must be up, by host name: `nova-conductor`, … as nova's service list has them. */
  services: Record<string, string[]>;
  /** One server is booted on each hypervisor, reached, and deleted; false: that is not tried. */
  boot: false | { image?: string; flavor?: string; network?: string; timeoutS: number };
  /** What the nodes were stacked with: another text verifies anew. */
  edition: string;
}

export interface VerifyState extends VerifyInputs {
  /** ISO 8601 */
  verifiedAt: string;
  matrix: PairResult[];
  hypervisors: {
    host: string;
    cell: string;
    state: string;
    server?: { id: string; reached: boolean; seconds: number };
  }[];
  /** Sentences about what a later look found otherwise; empty while all is well. */
  wrong: string[];
}
