import type { WaitConfig } from "../../stacks/config/types";

/**
 * A server of an OpenStack cloud as its machine: the plugin's resource makes it, this one sees that it runs, and
 * learns how it is reached.
 */
export interface ServerInputs {
  /** Logical name of the machine. */
  name: string;
  /** Logical name of its backend. */
  backend: string;
  /** Its name in the cloud; servers are told apart by our mark in their metadata. */
  serverName: string;
  /** Planned address on the network that it is reached on, where it has one. */
  fixedAddress?: string;
  /** It is reached at a floating IP, which only the cloud knows. */
  floatingIp: boolean;
  /** Login user. */
  user: string;
  /** Its SSH host key, where it does not make one that its console shows. */
  hostKey?: string;
  /** False for one that is kept switched off. */
  running: boolean;
  wait: WaitConfig;
}

export interface ServerState extends ServerInputs {
  /** Id of the server in the cloud. */
  serverId: string;
  /** `ACTIVE`, `SHUTOFF` … */
  status: string;
  /** The project that it was made in, and the address of its keystone. */
  projectId?: string;
  keystone?: string;
  /** It could not be made, or broke. */
  failed: boolean;
  /** The floating IP, else the planned address. */
  address?: string;
  sshPort?: number;
  /** Learned from its console, or `hostKey`. */
  sshHostKey?: string;
}
