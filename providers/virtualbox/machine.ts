import type { CloudInitConfig, PortForward, SharedFolder, WaitConfig } from "../../stacks/config/types";

export interface MachineDisk {
  /** Name of a medium of ours, without its ending. */
  medium: string;
  /** @default sata */
  bus?: "sata" | "nvme" | "scsi" | "virtio";
  /** @default disk */
  device?: "disk" | "dvd";
}

export interface MachineNic {
  type: "nat" | "bridged" | "intnet" | "hostonly" | "natnetwork" | "generic" | "none";
  /**
   * What it is on: the host's card (bridged), the internal or NAT network, the generic driver. For a host-only network
   * that we make, its name in the plan, because VirtualBox chooses the interface's.
   */
  attachment?: string;
  properties?: Record<string, string>;
  /** Lower case with colons, as everywhere in a plan. */
  mac: string;
  /** @default virtio */
  model?: "virtio" | "e1000" | "e1000e" | "rtl8139";
  /** @default true */
  cable?: boolean;
  /** Planned IPv4 address. */
  ip?: string;
  /** Of a NIC of type nat. */
  forwards?: (PortForward & { name: string })[];
  /** Of a NIC of type nat: the TFTP server of VirtualBox's own NAT, for a network boot. Paths are the host's. */
  tftp?: { prefix?: string; bootFile?: string; nextServer?: string };
  /**
   * Of a NIC of type nat: the guest reaches the host's 127.0.0.1 at 10.0.2.2. Only `true` is looked after: VirtualBox
   * 7.2.22 switches it on by itself when its service restarts.
   * @default true where `bootRecord` calls home there
   */
  hostReachable?: boolean;
}

export interface MachineInputs {
  name: string;
  uuid: string;
  backend: string;
  hostName: string;
  osType: string;
  cpus: number;
  memoryMiB: number;
  firmware: "bios" | "uefi";
  /** At most four: VirtualBox has boot1 to boot4. */
  boot: ("hd" | "network" | "cdrom")[];
  disks: MachineDisk[];
  nics: MachineNic[];
  sharedFolders: SharedFolder[];
  /** NoCloud seed, attached as a DVD. Texts may hold `{{secret:name}}`. */
  cloudInit?: CloudInitConfig;
  /** Its `booted` event is waited for by a `boot:Record`; the seed brings the unit that sends it. */
  bootRecord?: { url: string };
  /** Address and port of its SSH as seen from VirtualBox's host, through a forwarded port. */
  ssh?: { host: string; port: number };
  running: boolean;
  wait: WaitConfig;
  hostKey?: string;
  adopt?: boolean;
  onDestroy?: "release" | "delete";
}

export interface MachineState extends MachineInputs {
  address?: string;
  sshPort?: number;
  /** `ssh-ed25519 AAAA…` */
  sshHostKey?: string;
  /** False when something that we wrote and that is no input was changed outside. */
  intact: boolean;
  adopted?: boolean;
}
