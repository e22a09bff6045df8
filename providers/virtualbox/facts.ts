import type { PortForward } from "../../stacks/config/types";

/** As `VMState` of `showvminfo --machinereadable` spells them. */
export type VmPower =
  | "poweroff"
  | "saved"
  | "teleported"
  | "aborted"
  | "aborted-saved"
  | "running"
  | "paused"
  | "gurumeditation"
  | "starting"
  | "stopping"
  | "saving"
  | "restoring"
  | "snapshotting"
  | "restoringsnapshot"
  | "deletingsnapshot"
  | "settingup"
  | "other";

/** States in which nothing of the machine runs and its settings can be changed. */
export const OFF: ReadonlySet<VmPower> = new Set([
  "poweroff",
  "saved",
  "teleported",
  "aborted",
  "aborted-saved",
]);

export type BootDevice = "none" | "floppy" | "dvd" | "disk" | "net";
export type NicType =
  | "none"
  | "null"
  | "nat"
  | "bridged"
  | "intnet"
  | "hostonly"
  | "natnetwork"
  | "generic"
  | "other";
/** `other`: a model that labplan does not write. */
export type NicModel = "virtio" | "e1000" | "e1000e" | "rtl8139" | "other";
export type StorageBus = "sata" | "nvme" | "scsi" | "virtio" | "ide" | "sas" | "usb" | "floppy" | "other";

export interface VmRef {
  name: string;
  /** Lower case with dashes. */
  uuid: string;
}

export interface NamedForward extends PortForward {
  name: string;
  /** As VirtualBox keeps it: "" for all addresses. */
  hostIp: string;
  /** "" for whichever the guest has. */
  guestIp: string;
}

/** The TFTP server of VirtualBox's own NAT. */
export interface NatTftp {
  enabled: boolean;
  prefix?: string;
  bootFile?: string;
  nextServer?: string;
}

/** NAT settings of one NIC, from the .vbox file: `--machinereadable` does not tell which NIC they belong to. */
export interface NatFacts {
  forwards: NamedForward[];
  /** `10.0.2.0/24`; absent for VirtualBox's choice. */
  network?: string;
  tftp: NatTftp;
  localhostReachable: boolean;
}

export interface NicFacts {
  /** From 1. */
  slot: number;
  type: NicType;
  /** Bridged card, internal or NAT network, host-only interface, generic driver. */
  attachment?: string;
  /** Of a generic driver. */
  properties: Record<string, string>;
  /** Lower case with colons; "" of a NIC of type none. */
  mac: string;
  model: NicModel;
  cable: boolean;
  /** Of a NIC of type nat. */
  nat?: NatFacts;
}

export interface ControllerFacts {
  name: string;
  bus: StorageBus;
  ports: number;
}

export interface AttachmentFacts {
  controller: string;
  port: number;
  device: number;
  /** Path of what is in it, which after a snapshot is a differencing file; undefined for an empty drive. */
  path?: string;
  /** UUID of that medium. */
  medium?: string;
}

export interface SharedFolderFacts {
  name: string;
  path: string;
  readOnly: boolean;
  autoMount: boolean;
}

export interface SnapshotFacts {
  uuid: string;
  /** Names may repeat. */
  name: string;
  description: string;
  /** UUID of the snapshot that it was taken after. */
  parent?: string;
  /** Whether the machine's state is based on this one. */
  current: boolean;
}

/** All that labplan reads of a machine. */
export interface VmFacts extends VmRef {
  /** Path of its .vbox file: a rename moves it. */
  configFile: string;
  power: VmPower;
  /** When `power` was entered, as VirtualBox writes it. */
  poweredAt: string;
  osType: string;
  description: string;
  cpus: number;
  memoryMiB: number;
  firmware: "bios" | "uefi";
  /** Always four. */
  boot: BootDevice[];
  /** Those of type none are left out. */
  nics: NicFacts[];
  controllers: ControllerFacts[];
  attachments: AttachmentFacts[];
  sharedFolders: SharedFolderFacts[];
  /** From the .vbox file, which saves a call. */
  extraData: Record<string, string>;
}

export interface MediumFacts {
  uuid: string;
  path: string;
  kind: "disk" | "dvd";
  /** `VDI`, `VMDK`, `RAW` … */
  format: string;
  capacityBytes: number;
  /** UUID of the medium that a differencing one is based on. */
  parent?: string;
  children: string[];
  /** False when its file is missing or damaged. */
  accessible: boolean;
  /** UUIDs of the machines that it is attached to, in their state now or in a snapshot. */
  usedBy: string[];
}

export interface NatNetworkForward extends NamedForward {
  guestIp: string;
}

export interface NatNetworkFacts {
  name: string;
  enabled: boolean;
  /** `10.20.0.0/24` */
  cidr: string;
  gateway: string;
  dhcp: boolean;
  ipv6: boolean;
  /** IPv4 only. */
  forwards: NatNetworkForward[];
}

export interface HostOnlyFacts {
  /** `vboxnet0` */
  interface: string;
  uuid: string;
  ip: string;
  netmask: string;
  /** Name of its network, which a DHCP server is for: `HostInterfaceNetworking-vboxnet0`. */
  network: string;
  up: boolean;
}

export interface DhcpServerFacts {
  network: string;
  enabled: boolean;
  serverIp: string;
  netmask: string;
  from: string;
  to: string;
  /** Fixed addresses; MACs in lower case with colons. */
  hosts: { mac: string; ip: string }[];
}
