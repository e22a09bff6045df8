import type { PortForward } from "../../stacks/config/types";

/** A NAT network, a host-only network, or the DHCP server of an internal one. */
export interface NetworkInputs {
  /** VirtualBox chooses a host-only interface's own name: there it is the name in our mark. */
  name: string;
  backend: string;
  type: "natnetwork" | "hostonly" | "intnet";
  /** `10.20.0.0/24` */
  cidr: string;
  gateway: string;
  /**
   * Range and reservations of its DHCP server. `server`: the server's own address, which the plan keeps free: the third
   * of a NAT network (VirtualBox's own choice), else the second.
   */
  dhcp?: { server: string; from: string; to: string; hosts: { mac: string; ip: string; name: string }[] };
  /** Of a NAT network: ports of the host that lead to guests. */
  forwards?: (PortForward & { name: string; guestIp: string })[];
  adopt?: boolean;
  onDestroy?: "release" | "delete";
}

export interface NetworkState extends NetworkInputs {
  /** Interface of a host-only network, `vboxnet0`. */
  interface?: string;
  /** False for a NAT network that is switched off. */
  active: boolean;
  adopted?: boolean;
}
