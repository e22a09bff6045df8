/**
 * The lab as its owner wrote it, after reading: sizes are numbers, named files are read, short forms are long.
 * Nothing here is derived: defaults and facts are the plan's. Made by `load.ts`, read by `stacks/plan`.
 */

/** A secret by name; resolved by the provider, in no input and no state. */
export type SecretRef = { secret: string } | { env: string } | { file: string };

export interface LibvirtBackend {
  kind: "libvirt";
  /** `qemu:///system`, `qemu:///session`, `qemu+unix:///system?socket=…`, `qemu+ssh://user@host[:port]/system`, `embedded:` or `test:///default` forms. */
  uri: string;
  /** An existing storage pool to use; when absent, one of our own is made. */
  pool?: string;
  /** Folder of our own pool on the hypervisor. */
  poolPath?: string;
  /** `auto` probes for a KVM that really boots. @default auto */
  accel?: "auto" | "kvm" | "tcg";
  /** Pinned host key of a qemu+ssh host, `ssh-ed25519 AAAA…`; else the user's known_hosts. */
  hostKey?: string;
  /** Private key file for qemu+ssh; else the agent and ~/.ssh defaults. */
  identityFile?: string;
}

export interface LdapBackend {
  kind: "ldap";
  /** `ldaps://host`, `ldap://host` (StartTLS is required off loopback) or `embedded:`. */
  url: string;
  bindDn?: string;
  password?: SecretRef;
  /** Path of a PEM file with the CA. */
  ca?: string;
  startTls?: boolean;
}

/** Both a libvirt and an LDAP backend, in the lab that comes with the project. */
export interface EmbeddedBackend {
  kind: "embedded";
}

/** A backend without its secrets' values. Kept with each resource for removal (rule 13). */
export type BackendConfig = LibvirtBackend | LdapBackend | EmbeddedBackend;

/** Fields that every declared thing has. */
export interface Declared {
  /** Name at the backend. @default the logical name */
  name?: string;
  /** Logical name before a rename: keeps every fact and replaces nothing. */
  formerly?: string;
  /** Take over an object that exists and has no mark. */
  adopt?: boolean;
  /** What destroy does to an adopted object. @default release */
  onDestroy?: "release" | "delete";
}

export interface DhcpRange {
  from: string;
  to: string;
}

export interface NetworkConfig extends Declared {
  backend: string;
  /** @default nat when there is a cidr, else bridge when `bridge` is given */
  mode?: "nat" | "isolated" | "routed" | "bridge" | "open";
  /** IPv4 network, `10.20.0.0/24`; the lock file gives one out of `labplan:addressPool` when absent. */
  cidr?: string;
  /** The bridge's own address. @default first of the network */
  gateway?: string;
  /** Host bridge name; must exist for mode `bridge`. @default derived, at most 15 characters */
  bridge?: string;
  /** @default true for nat and routed, false for isolated, never for bridge */
  dhcp?: boolean | DhcpRange;
  /** DNS domain handed out. */
  domain?: string;
  /** MTU in bytes. */
  mtu?: number;
  /** Physical device that nat and routed go out by. */
  forwardDevice?: string;
  ipv6?: { cidr: string };
  autostart?: boolean;
  /** Text of the user's own Jinja template for the network XML. */
  template?: string;
}

export interface ImageConfig {
  /** Exactly one of url and path. */
  url?: string;
  path?: string;
  /** `sha256:<hex>` or `sha512:<hex>`. Required for url. */
  checksum?: string;
  format?: "qcow2" | "raw" | "iso";
}

export interface DiskConfig {
  /** Capacity in bytes; 0 for an existing `volume` that keeps its own. */
  sizeBytes: number;
  /** Base image for a qcow2 overlay. */
  image?: string;
  bus?: "virtio" | "scsi" | "sata";
  format?: "qcow2" | "raw";
  /** Volume in `pool` that exists already. */
  volume?: string;
}

export interface NicConfig {
  /** A declared network … */
  network?: string;
  /** … or a bridge of the host. */
  bridge?: string;
  mac?: string;
  /** Fixed address; false for none. @default the lock file's, where the network has a cidr and DHCP */
  ip?: string | false;
  model?: "virtio" | "e1000" | "e1000e" | "rtl8139";
}

export interface CloudInitConfig {
  /** Login user. @default labplan */
  user?: string;
  /** Public keys, each one line. */
  sshKeys?: string[];
  /** Merged over what we write. May hold `{{secret:name}}`. */
  userData?: Record<string, unknown>;
  networkConfig?: Record<string, unknown>;
}

export interface KernelConfig {
  /** Image name or absolute path on the hypervisor. */
  kernel: string;
  initrd?: string;
  cmdline?: string;
}

export interface WaitConfig {
  for: "none" | "address" | "ssh";
  /** Seconds. @default 600 */
  timeoutS?: number;
  /** Login user for the ssh wait; an open port with the right host key is enough when absent. */
  user?: string;
  port?: number;
}

export interface MachineConfig extends Declared {
  backend: string;
  hostName?: string;
  cpus?: number;
  /** MiB */
  memoryMiB?: number;
  disks?: DiskConfig[];
  networks?: NicConfig[];
  /** Image in a CD-ROM drive. */
  iso?: string;
  boot?: ("hd" | "network" | "cdrom")[];
  kernel?: KernelConfig;
  cloudInit?: CloudInitConfig;
  firmware?: "bios" | "uefi";
  running?: boolean;
  autostart?: boolean;
  wait?: WaitConfig;
  /** `ssh-ed25519 AAAA…` of a machine that we do not build the keys of. */
  hostKey?: string;
  allow?: "wipe"[];
  /** Text of the user's own Jinja template for the domain XML. */
  template?: string;
}

export interface VpnUserConfig extends Declared {
  cn?: string;
  sn: string;
  givenName?: string;
  mail?: string;
  groups?: string[];
  /** ISO 8601 instant, UTC: `2026-12-24T18:00:00Z`. */
  until?: string;
  /** Raise to get a new generated password. @default 1 */
  passwordVersion?: number;
  /** A password by name instead of a generated one. */
  password?: SecretRef;
}

export interface VpnConfig {
  backend: string;
  /** DN under which users live. */
  base: string;
  groupBase?: string;
  /** From general to specific. @default [top, person, organizationalPerson, inetOrgPerson] */
  objectClasses?: string[];
  users?: Record<string, VpnUserConfig>;
  /** Never created, changed, adopted or deleted. */
  permanent?: string[];
}

export interface LabConfig {
  /** Random id of the lab, `[a-z0-9]{8}`. */
  lab: string;
  stack: string;
  backends: Record<string, BackendConfig>;
  networks: Record<string, NetworkConfig>;
  images: Record<string, ImageConfig>;
  machines: Record<string, MachineConfig>;
  /** Where networks without a cidr are put. @default 10.200.0.0/13 */
  addressPool?: string;
  vpn?: VpnConfig;
}

/** Position of a config value in its file, for messages of the plan. `path` is e.g. `["machines", "w1", "networks", 0]`. */
export type ConfigPath = readonly (string | number)[];

/** Something wrong in the config: all of them are reported at once. */
export interface ConfigProblem {
  path: ConfigPath;
  message: string;
}
