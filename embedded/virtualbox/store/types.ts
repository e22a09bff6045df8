/** What VirtualBox knows, as plain data: stored as it is in the journal. */

export type NicType = "none" | "null" | "nat" | "bridged" | "intnet" | "hostonly" | "natnetwork" | "generic";

export interface Forward {
  name: string;
  protocol: "tcp" | "udp";
  hostIp: string;
  hostPort: number;
  guestIp: string;
  guestPort: number;
}

export interface Nic {
  type: NicType;
  /** As VirtualBox writes it: upper case, no colons; "" of a card that was never on. */
  mac: string;
  model: string;
  cable: boolean;
  bridge: string;
  hostOnly: string;
  intnet: string;
  natNetwork: string;
  driver: string;
  properties: Record<string, string>;
  /** Of its NAT engine, whether it is on NAT or not. */
  nat: {
    network: string;
    forwards: Forward[];
    tftpPrefix: string;
    tftpFile: string;
    tftpServer: string;
    enableTftp: boolean;
    localhostReachable: boolean;
  };
}

export interface Attachment {
  port: number;
  device: number;
  kind: "disk" | "dvd";
  /** Medium in it; absent for an empty drive. */
  medium?: string;
}

export type Bus = "sata" | "nvme" | "virtio" | "scsi" | "ide" | "sas" | "usb" | "floppy";

export interface Controller {
  name: string;
  bus: Bus;
  type: string;
  instance: number;
  ports: number;
  bootable: boolean;
  attachments: Attachment[];
}

export interface SharedFolder {
  name: string;
  path: string;
  readOnly: boolean;
  autoMount: boolean;
}

/** What a snapshot keeps. */
export interface Hardware {
  memory: number;
  cpus: number;
  vram: number;
  firmware: "BIOS" | "EFI" | "EFI32" | "EFI64";
  boot: string[];
  /** Further keys of `--machinereadable` whose values were set. */
  more: Record<string, string>;
  nics: Nic[];
  controllers: Controller[];
  sharedFolders: SharedFolder[];
}

export interface Snapshot {
  uuid: string;
  name: string;
  description: string;
  parent?: string;
  time: string;
  hardware: Hardware;
}

export interface Vm {
  uuid: string;
  name: string;
  /** False between unregistervm and registervm. */
  registered: boolean;
  /** Path of the .vbox file. */
  configFile: string;
  /** Folder under which VirtualBox made the machine's own. */
  baseFolder: string;
  group: string;
  osType: string;
  description: string;
  extraData: Record<string, string>;
  guestProperties: Record<string, { value: string; time: string }>;
  hardware: Hardware;
  /** Of one that is not registered: media that only it has, which go and come with it. */
  ownMedia?: Medium[];
  /** In the order in which they were taken. */
  snapshots: Snapshot[];
  currentSnapshot?: string;
  state: "poweroff" | "running" | "paused" | "aborted" | "saved";
  /** ISO 8601 */
  stateSince: string;
}

export interface Medium {
  uuid: string;
  location: string;
  kind: "disk" | "dvd";
  /** As it was asked for: `VDI`, `vdi`, `VMDK`, `RAW`. */
  format: string;
  variant: "dynamic" | "fixed" | "differencing";
  capacity: number;
  parent?: string;
  type: "normal" | "immutable" | "writethrough" | "shareable" | "readonly" | "multiattach";
  description: string;
  /** Opened for a look only: forgotten with VBoxSVC, which ends some seconds after its last client. */
  transient?: boolean;
}

export interface NatNetwork {
  name: string;
  network: string;
  enabled: boolean;
  dhcp: boolean;
  ipv6: boolean;
  forwards: Forward[];
  loopback: { address: string; offset: number }[];
}

export interface DhcpConfig {
  mac: string;
  fixedAddress?: string;
  /** Named by machine and card instead of by MAC. */
  card?: { vm: string; slot: number };
  options: Record<string, string>;
}

export interface DhcpServer {
  network: string;
  serverIp: string;
  netmask: string;
  lowerIp: string;
  upperIp: string;
  enabled: boolean;
  options: Record<string, string>;
  hosts: DhcpConfig[];
}

export interface HostOnlyInterface {
  name: string;
  uuid: string;
  mac: string;
  ip: string;
  netmask: string;
}

/** What belongs to no machine. */
export interface Globals {
  extraData: Record<string, string>;
  machineFolder?: string;
}
