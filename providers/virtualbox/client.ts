import type { Readable } from "node:stream";
import type { PortForward } from "../../stacks/config/types";
import type { SshTarget } from "../ssh/target";
import type {
  BootDevice,
  DhcpServerFacts,
  HostOnlyFacts,
  MediumFacts,
  NatNetworkFacts,
  NatTftp,
  SharedFolderFacts,
  SnapshotFacts,
  StorageBus,
  VmFacts,
  VmPower,
  VmRef,
} from "./facts";

export {
  isGone,
  KernelModuleMissing,
  unlessGone,
  VBoxManageMissing,
  VirtualBoxError,
  VirtualBoxHangs,
} from "./errors";
export type * from "./facts";
export { OFF } from "./facts";

/** A machine's or a medium's UUID, lower case. Machines are never named by name: names may be changed by anyone. */
export type Uuid = string;

export interface CallOptions {
  signal?: AbortSignal;
}

export interface LongOptions extends CallOptions {
  /** Gets whole per cent as VBoxManage writes them. */
  onProgress?: (percent: number) => void;
}

/** What a NIC shall be; every field of it is written. */
export interface NicSettings {
  /** From 1 to 8. */
  slot: number;
  type: "none" | "nat" | "bridged" | "intnet" | "hostonly" | "natnetwork" | "generic";
  /** Card, network, interface or driver; required for every type but none and nat. */
  attachment?: string;
  /** Of a generic driver. */
  properties?: Record<string, string>;
  /** With or without colons. Left as it is when absent. */
  mac?: string;
  /** @default virtio */
  model?: "virtio" | "e1000" | "e1000e" | "rtl8139";
  /** @default true */
  cable?: boolean;
  /** Of type nat. Whole list: those that exist and are not in it are removed. Left as they are when absent. */
  forwards?: (PortForward & { name: string })[];
  /** Of type nat: guests reach the host's 127.0.0.1 at 10.0.2.2. Left as it is when absent. */
  localhostReachable?: boolean;
  /** Of type nat. Left as it is when absent. */
  tftp?: NatTftp;
}

/** What is given is written, in one modifyvm; the rest stays. */
export interface MachineSettings {
  name?: string;
  description?: string;
  osType?: string;
  cpus?: number;
  memoryMiB?: number;
  firmware?: "bios" | "uefi";
  /** Up to four; the rest are none. */
  boot?: BootDevice[];
  nics?: NicSettings[];
  /** File at the host that the first serial port writes to; false for no serial port. */
  serialFile?: string | false;
}

/** Where in a machine a medium is. */
export interface Slot {
  controller: string;
  port: number;
  /** @default 0 */
  device?: number;
}

export interface NatNetworkSettings {
  name: string;
  cidr: string;
  /** @default true */
  enabled?: boolean;
  dhcp: boolean;
  forwards: (PortForward & { name: string; guestIp: string })[];
}

export interface DhcpServerSettings {
  /**
   * Name of an internal or NAT network, or `network` of a host-only interface. A NAT network with `dhcp` makes a server
   * of its own name only where there is none, so that one made before gives the fixed addresses (measured on 7.2.22).
   */
  network: string;
  serverIp: string;
  netmask: string;
  from: string;
  to: string;
  /** @default true */
  enabled?: boolean;
  /** Whole list of fixed addresses. */
  hosts: { mac: string; ip: string }[];
}

/**
 * VirtualBox of one host through its VBoxManage. Calls wait in one queue per host; a run of another process is waited
 * for. Look-ups give undefined for "does not exist" and throw for everything else; removing what is gone is success.
 * Every call ends within its deadline (60 s without an answer or progress), and is repeated only where nothing was
 * changed. Ports, MACs and sizes are checked here, because VirtualBox takes nonsense: `LabError`.
 */
export interface VirtualBoxClient {
  /** For messages: `VirtualBox on this machine`, `VirtualBox on rack1`, `the embedded VirtualBox`. */
  readonly label: string;
  /** Where 127.0.0.1 of VirtualBox's host is reached through; undefined for this machine. */
  readonly via: SshTarget | undefined;
  /** The same object for all clients of a host: what somebody keeps about the host is kept by it. */
  readonly place: object;

  /** `7.2.22r172053` */
  version(): Promise<string>;
  /** VirtualBox's own folder for machines. */
  defaultMachineFolder(): Promise<string>;
  /** IDs, as `createVm` takes them. */
  osTypes(): Promise<string[]>;
  /** Cards of the host that a NIC can be bridged to. */
  bridgedInterfaces(): Promise<string[]>;
  /** Throws `KernelModuleMissing` where no machine can be started. */
  checkKernelModule(): Promise<void>;

  vms(): Promise<VmRef[]>;
  /** By UUID, or by exact name. Inaccessible ones (their .vbox is missing) throw. */
  vm(ref: Uuid | { name: string }): Promise<VmFacts | undefined>;
  power(vm: Uuid): Promise<VmPower | undefined>;
  /** Create and register, with defaults. `folder`: the base folder; VirtualBox makes one of the machine's name in it. */
  createVm(vm: { name: string; uuid: Uuid; osType: string; folder?: string }): Promise<VmRef>;
  /**
   * Only of a machine that is off. Nothing to write is no call. Forwards that must go are found by a look, or in
   * `known`, what a look of the caller's has just told: no NICs for a machine that was just made.
   */
  modifyVm(vm: Uuid, settings: MachineSettings, known?: Pick<VmFacts, "nics">): Promise<void>;
  /** Register a .vbox file that exists. */
  registerVm(configFile: string): Promise<void>;
  /** Forget the machine; its files and media stay. */
  unregisterVm(vm: Uuid): Promise<void>;
  /**
   * Unregister and remove the machine's own files. Its media stay, with all that was written to them: snapshots are
   * merged first. Gone is success.
   */
  deleteVm(vm: Uuid, options?: LongOptions): Promise<void>;
  cloneVm(
    vm: Uuid,
    clone: {
      name: string;
      uuid: Uuid;
      folder?: string;
      /** Required for a linked clone. */
      snapshot?: Uuid;
      linked?: boolean;
      keepMacs?: boolean;
    },
    options?: LongOptions,
  ): Promise<VmRef>;
  /** Write an appliance; must not exist. */
  exportVm(vm: Uuid, path: string, options?: LongOptions): Promise<void>;

  /** Headless. Checks the kernel module first. Already running is success. */
  start(vm: Uuid, options?: LongOptions): Promise<void>;
  /** Press the power button; the guest may ignore it. Off already is success. */
  acpiPowerButton(vm: Uuid): Promise<void>;
  /** Pull the plug. Off already, and gone, are success. */
  powerOff(vm: Uuid, options?: LongOptions): Promise<void>;
  resume(vm: Uuid): Promise<void>;
  /** Throw a saved state away, as pulling the plug would. */
  discardState(vm: Uuid): Promise<void>;
  /** Of a running machine: forwards of a NIC of type nat, added or removed live, and its cable. */
  forwardLive(vm: Uuid, slot: number, forward: PortForward & { name: string }): Promise<void>;
  unforwardLive(vm: Uuid, slot: number, name: string): Promise<void>;
  cableLive(vm: Uuid, slot: number, on: boolean): Promise<void>;

  addController(
    vm: Uuid,
    controller: { name: string; bus: Exclude<StorageBus, "other">; ports?: number; bootable?: boolean },
  ): Promise<void>;
  /** Gone is success. */
  removeController(vm: Uuid, name: string): Promise<void>;
  /** `medium`: path or UUID, or `emptydrive`. */
  attach(vm: Uuid, slot: Slot, medium: { kind: "disk" | "dvd"; medium: string }): Promise<void>;
  /** Gone is success. */
  detach(vm: Uuid, slot: Slot): Promise<void>;

  /** Registered disks and DVDs. */
  media(): Promise<MediumFacts[]>;
  /** By path or UUID. One that is not registered is opened for the look. */
  medium(kind: "disk" | "dvd", ref: string): Promise<MediumFacts | undefined>;
  /** A dynamically allocated VDI. Returns its UUID. The size is rounded up to MiB. */
  createMedium(medium: { path: string; sizeBytes: number }): Promise<Uuid>;
  /** A linked clone: an empty VDI over `parent` (path or UUID), which stays as it is while it has children. */
  createDifferencing(medium: { path: string; parent: string }): Promise<Uuid>;
  /**
   * A full copy as VDI. Sources may be VDI, VMDK (stream-optimised, too), VHD, QED and qcow2, also compressed (measured
   * on 7.2.22); raw images, qcow2 overlays and QEMU's vhdx are refused. Returns its UUID.
   */
  cloneMedium(medium: { source: string; path: string }, options?: LongOptions): Promise<Uuid>;
  /** Make a VDI of a raw disk image at the host. It is not registered until it is first used. */
  convertFromRaw(image: { source: string; path: string }, options?: LongOptions): Promise<void>;
  /** Grow; a size below the present one is refused. */
  resizeMedium(ref: string, sizeBytes: number, options?: LongOptions): Promise<void>;
  /** Move a disk's file; whoever has it attached keeps it. `path` must be free. */
  moveMedium(ref: string, path: string, options?: LongOptions): Promise<void>;
  /** Forget it, and remove its file. Gone is success; one in use is refused. */
  closeMedium(kind: "disk" | "dvd", ref: string, options?: { deleteFile?: boolean }): Promise<void>;

  /** Of a machine, or of VirtualBox as a whole (`global`). */
  extraData(of: Uuid | "global"): Promise<Record<string, string>>;
  /** Undefined removes it. */
  setExtraData(of: Uuid | "global", key: string, value: string | undefined): Promise<void>;

  addSharedFolder(vm: Uuid, folder: SharedFolderFacts): Promise<void>;
  /** Gone is success. */
  removeSharedFolder(vm: Uuid, name: string): Promise<void>;

  /** In the order of their tree, parents first. */
  snapshots(vm: Uuid): Promise<SnapshotFacts[]>;
  /** Returns its UUID. */
  takeSnapshot(
    vm: Uuid,
    snapshot: { name: string; description?: string; live?: boolean },
    options?: LongOptions,
  ): Promise<Uuid>;
  editSnapshot(vm: Uuid, snapshot: Uuid, edit: { name?: string; description?: string }): Promise<void>;
  /** Of a machine that is off. */
  restoreSnapshot(vm: Uuid, snapshot: Uuid, options?: LongOptions): Promise<void>;
  /**
   * Gone is success; one with several children is refused by VirtualBox. Disks keep their paths: a linked clone that is
   * merged into a new file is put back, with another UUID.
   */
  deleteSnapshot(vm: Uuid, snapshot: Uuid, options?: LongOptions): Promise<void>;

  natNetworks(): Promise<NatNetworkFacts[]>;
  addNatNetwork(network: NatNetworkSettings): Promise<void>;
  /** All of it, forwards included. */
  modifyNatNetwork(network: NatNetworkSettings): Promise<void>;
  /** Gone is success. */
  removeNatNetwork(name: string): Promise<void>;

  hostOnlyInterfaces(): Promise<HostOnlyFacts[]>;
  /** Returns its name, which VirtualBox chooses. */
  createHostOnly(): Promise<string>;
  configureHostOnly(name: string, address: { ip: string; netmask: string }): Promise<void>;
  /** Gone is success. */
  removeHostOnly(name: string): Promise<void>;

  dhcpServers(): Promise<DhcpServerFacts[]>;
  addDhcpServer(server: DhcpServerSettings): Promise<void>;
  /** All of it, fixed addresses included. */
  modifyDhcpServer(server: DhcpServerSettings): Promise<void>;
  /** Gone is success. */
  removeDhcpServer(network: string): Promise<void>;

  /** Files at the host, next to VBoxManage. Written to the side and put in place when whole. */
  putFile(path: string, content: Uint8Array | string | Readable, options?: PutOptions): Promise<void>;
  /** Undefined when it does not exist. */
  readFile(path: string, options?: CallOptions): Promise<Buffer | undefined>;
  /** Undefined when it does not exist. */
  fileSize(path: string, options?: CallOptions): Promise<number | undefined>;
  fileExists(path: string, options?: CallOptions): Promise<boolean>;
  /** Names in a folder; empty when it does not exist. */
  listFolder(path: string, options?: CallOptions): Promise<string[]>;
  /** Gone is success. */
  removeFile(path: string, options?: CallOptions): Promise<void>;
  /** With its parents; there already is success. */
  makeFolder(path: string, options?: CallOptions): Promise<void>;
  /** Gone, and not empty, are success. */
  removeEmptyFolder(path: string, options?: CallOptions): Promise<void>;
  /** Join at the host: `/` or, on Windows, `\`. */
  join(...parts: string[]): string;

  close(): Promise<void>;
}

export interface PutOptions extends CallOptions {
  /** @default 0o600 */
  mode?: number;
  onProgress?: (writtenBytes: number) => void;
}
