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
  /**
   * Logical name of a declared machine that it is on: the host part of the URI is that name, and its address and host
   * key are the machine's own.
   */
  machine?: string;
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

export interface VirtualBoxBackend {
  kind: "virtualbox";
  /** `ssh://user@host[:port]` of another machine, or `embedded:`. @default this machine */
  host?: string;
  /** Path of VBoxManage at the host. @default found by its usual places */
  vboxManage?: string;
  /** Folder at the host for our disks, images and seeds. @default `labplan` in VirtualBox's default machine folder */
  folder?: string;
  /** Pinned SSH host key of `host`, `ssh-ed25519 AAAA…`; else the user's known_hosts. */
  hostKey?: string;
  /** Private key file for `host`; else the agent and ~/.ssh defaults. */
  identityFile?: string;
}

/** A FOG server: hosts of bare metal, and the images that it puts on them. */
export interface FogBackend {
  kind: "fog";
  /** `http(s)://server/fog`, or `embedded:`. */
  url: string;
  /** As the FOG web page shows them, base64. */
  apiToken?: SecretRef;
  userToken?: SecretRef;
  /** Path of a PEM file with the CA of an https server. */
  ca?: string;
  /** LaaS inventory: dashboard resource id → FOG host name. */
  inventory?: Record<string, string>;
  /** DHCP server's log or leases file, on this machine or at an SSH host, for hosts without a planned address. */
  dhcpLog?: { path: string; host?: string; hostKey?: string; identityFile?: string };
  /** Jump host to its machines, `ssh://user@host[:port]`. */
  bastion?: string;
  /** Pinned SSH host key of the bastion; else the user's known_hosts. */
  bastionHostKey?: string;
  /** Private key file to log in to its machines; else the agent and ~/.ssh defaults. */
  identityFile?: string;
}

/** A libvirt, an LDAP, a FOG and a VirtualBox backend in one, in the lab that comes with the project. */
export interface EmbeddedBackend {
  kind: "embedded";
}

/** A backend without its secrets' values. Kept with each resource for removal (rule 13). */
export type BackendConfig =
  | LibvirtBackend
  | LdapBackend
  | VirtualBoxBackend
  | FogBackend
  | OpenStackBackend
  | EmbeddedBackend;

/** Fields that every declared thing has. */
export interface Declared {
  /** Name at the backend. @default the logical name */
  name?: string;
  /** Logical name before a rename, or several, the latest first: keeps every fact and replaces nothing. */
  formerly?: string | readonly string[];
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
  mode?: "nat" | "isolated" | "routed" | "bridge" | "open" | "hostonly";
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

/** An operating system installed from scratch by a network boot; the disk is the image. */
export interface InstallConfig {
  /** Where it is built, and the only place where it can be used. */
  backend: string;
  family: "centos-stream" | "rocky" | "alma" | "debian" | "ubuntu";
  /** `9`, `12`, `24.04` */
  release: string;
  /** Base URL of the distribution's mirror. */
  mirror: string;
  /** Installer's kernel and initrd. @default the family's usual place at the mirror */
  kernel?: { url?: string; path?: string; checksum?: string };
  initrd?: { url?: string; path?: string; checksum?: string };
  /** Declared network to boot from. @default VirtualBox's own NAT with its TFTP; required on libvirt */
  network?: string;
  /** Capacity of the image in bytes. @default 20 GiB */
  sizeBytes?: number;
  cpus?: number;
  memoryMiB?: number;
  /** Login user of the image. @default labplan */
  user?: string;
  sshKeys?: string[];
  /** A crypted password (`$6$…`, `$y$…`) by name. @default root is locked */
  rootPassword?: SecretRef;
  language?: string;
  keyboard?: string;
  timezone?: string;
  timeServers?: string[];
  packages?: string[];
  /** TCP ports that the firewall lets in besides SSH. */
  openPorts?: number[];
  /** Shell commands at the end of the installation, as root in the new system. */
  commands?: string[];
  /** Text of the user's own kickstart, preseed or autoinstall template. */
  template?: string;
  /** Its path, for messages. */
  templateFile?: string;
  /** Handed to the user's own template. */
  variables?: Record<string, unknown>;
  /** Raise to install anew. @default 1 */
  generation?: number;
  /** Seconds until it must be done. @default 5400 */
  timeoutS?: number;
}

/** An image of a FOG server: one that it has, one to register, or one to capture from a host. */
export interface FogImageConfig extends Declared {
  /** Name of a fog backend. `name` is the image's name there. */
  backend: string;
  /** Folder of the image at the server's image store: registers it. @default only used, never changed */
  path?: string;
  /** FOG's number of the operating system. @default 50, Linux */
  osId?: number;
  /** 1 single disk resizable, 2 single disk, 3 all disks, 4 raw. @default 1 */
  imageType?: number;
  /** 1 everything, 2 partition table and MBR … @default 1 */
  partitionType?: number;
  /** @default true */
  enabled?: boolean;
  /** Login user of the installed system. @default root */
  user?: string;
  /** SSH host key that is in the image, where it brings one. */
  hostKey?: string;
  /** Lines of /etc/os-release that the installed system must have; a value may end in `*`. */
  osRelease?: Record<string, string>;
  /** A file of the installed system that says which image it is. */
  marker?: { path: string; text: string };
  capture?: {
    /** Logical name of the machine that it is captured from. */
    from: string;
    /** Raise to capture anew. @default 1 */
    generation?: number;
  };
}

/** An image that an OpenStack cloud has: used, never uploaded or changed. */
export interface GlanceImageConfig {
  /** Its name there. @default the logical name */
  name?: string;
  /** Login user of the image, who gets the first key by the cloud's own way. @default one of ours is made */
  user?: string;
}

export interface ImageConfig {
  /** Exactly one of url, path, install, fog and glance. */
  url?: string;
  path?: string;
  fog?: FogImageConfig;
  glance?: GlanceImageConfig;
  /** `sha256:<hex>` or `sha512:<hex>`. Required for url. */
  checksum?: string;
  format?: "qcow2" | "raw" | "iso";
  install?: InstallConfig;
}

export interface DiskConfig {
  /** Capacity in bytes; 0 for an existing `volume` that keeps its own. */
  sizeBytes: number;
  /** Base image: an overlay (linked clone) of it. */
  image?: string;
  /** `full` copies the image instead of building on it. @default linked */
  clone?: "linked" | "full";
  bus?: "virtio" | "scsi" | "sata" | "nvme";
  format?: "qcow2" | "raw";
  /** Volume in `pool` that exists already. */
  volume?: string;
}

/** A port of the host that leads to one of the guest's, through VirtualBox's NAT. */
export interface PortForward {
  protocol: "tcp" | "udp";
  /** @default 127.0.0.1 */
  hostIp?: string;
  hostPort: number;
  guestPort: number;
}

export interface NicConfig {
  /** A declared network … */
  network?: string;
  /** … or a bridge of the host (VirtualBox: a network card of the host) … */
  bridge?: string;
  /** … or, on VirtualBox, a card of this type on a network that is not declared. */
  type?: "nat" | "intnet" | "hostonly" | "natnetwork" | "generic" | "none";
  /** What a card of `type` is on: name of the internal or NAT network, host-only interface, generic driver. */
  attachment?: string;
  /** Properties of a generic driver. */
  properties?: Record<string, string>;
  /** On VirtualBox's NAT, or on a declared network of mode nat there. */
  forwards?: PortForward[];
  /** Whether the cable is in. @default true; VirtualBox only */
  cable?: boolean;
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
  /** `boot`: its own `booted` event, with its token, in the boot log. */
  for: "none" | "address" | "ssh" | "boot";
  /** Seconds. @default 600 */
  timeoutS?: number;
  /** Login user for the ssh wait; an open port with the right host key is enough when absent. */
  user?: string;
  port?: number;
}

export interface SharedFolder {
  name: string;
  /** Absolute path at the host. */
  path: string;
  readOnly?: boolean;
  autoMount?: boolean;
}

export interface SnapshotConfig {
  name: string;
  description?: string;
  /** Raise to go back to it. @default 0 */
  restore?: number;
}

/** How a machine is switched, besides what its system does. Without `none`, its system is never asked. */
export type PowerConfig =
  | {
      kind: "redfish";
      /** `https://bmc`, or `embedded:`. */
      url: string;
      /** Id of the system. @default the only one, or the one with the machine's MAC */
      system?: string;
      user?: string;
      password?: SecretRef;
      ca?: string;
      /** SHA-256 of the BMC's certificate, hex, where no CA signed it. */
      fingerprint?: string;
    }
  | {
      kind: "ipmi";
      host: string;
      /** @default 623 */
      port?: number;
      user?: string;
      password?: SecretRef;
      /** ipmitool's cipher suite. @default ipmitool's own */
      cipherSuite?: number;
    }
  /** Wake-on-LAN can only switch on. */
  | { kind: "wol"; mac?: string; broadcast?: string; port?: number }
  | { kind: "libvirt"; backend: string; domain: string }
  | { kind: "virtualbox"; backend: string; machine: string }
  /** The last resort: asks the running system to reboot. */
  | { kind: "ssh" }
  /** Somebody goes there and presses the button. */
  | { kind: "none" };

/** What happens to an imaged host when it is given back. */
export type ReleaseConfig = { do: "image"; image: string } | { do: "wipe" | "poweroff" | "keep" };

/** Deadlines of an imaging, in seconds. */
export interface ImagingConfig {
  /** Until the host has come to the server from the network. @default 600 */
  queuedS?: number;
  /** Without any progress. @default 600 */
  stallS?: number;
  /** The task as a whole. @default 7200 */
  totalS?: number;
  /** From the end of the task to a login. @default 900 */
  bootS?: number;
}

/** Who can log in, kept by us after the machine is up. */
export interface AccessConfig {
  /** @default the login user of its image */
  user?: string;
  /** Public keys, each one line. */
  sshKeys?: string[];
  /** Take keys away that are not listed. @default false: only ours are kept in order */
  exclusive?: boolean;
  /** A generated one, one by name, or none: keys only. @default generated */
  password?: "generated" | "none" | SecretRef;
  /** Raise to get a new generated one. @default 1 */
  passwordVersion?: number;
}

export interface MachineConfig extends Declared {
  backend: string;
  /** The image that is put on it (fog). On hypervisors images are on disks. */
  image?: string;
  /** Raise to image the host anew (fog). @default 1 */
  imageGeneration?: number;
  /** MAC addresses of a host, the one that boots from the network first (fog): registers it. */
  macs?: string[];
  /** Address that it is reached at (fog). @default found by DHCP, the boot log or the FOG server */
  address?: string;
  /** Dashboard resource id of the backend's inventory, instead of a name (fog). */
  resource?: string;
  power?: PowerConfig;
  /** @default keep */
  onRelease?: ReleaseConfig;
  imaging?: ImagingConfig;
  access?: AccessConfig;
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
  /** VirtualBox's guest type. @default Linux_64 */
  osType?: string;
  /** Folders of the host shown in the guest (VirtualBox). */
  sharedFolders?: SharedFolder[];
  /** Snapshots to hold, by name (VirtualBox). */
  snapshots?: SnapshotConfig[];
  /** Text of the user's own Jinja template for the domain XML. */
  template?: string;
  /** Name of a flavor (OpenStack). @default the smallest that has the machine's cpus, memory and disk */
  flavor?: string;
  /** An address that is reached from outside the cloud, out of its external network (OpenStack). */
  floatingIp?: boolean;
  /** TCP ports that are let in from everywhere, besides SSH (OpenStack). */
  openPorts?: number[];
  /** Free metadata of the server (OpenStack). */
  metadata?: Record<string, string>;
  /** @default the cloud's */
  availabilityZone?: string;
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

/** The boot server: TFTP, HTTP and the boot log. */
export interface BootServerConfig {
  /** Address that machines reach it at. @default the gateway of their network; the host itself through VirtualBox's NAT */
  address?: string;
  /** @default 8069 */
  httpPort?: number;
  /** 0 for none. @default 0: iPXE needs none */
  tftpPort?: number;
}

/** An OpenStack cloud, by the name in clouds.yaml; else by the OS_* variables. No secret of it is ever in a config. */
export interface OpenStackBackend {
  kind: "openstack";
  /** Entry of clouds.yaml. @default the OS_* variables */
  cloud?: string;
  region?: string;
  /** Network that floating IPs come from. @default the only external one */
  externalNetwork?: string;
  /** Jump host to its machines, `ssh://user@host[:port]`. */
  bastion?: string;
  bastionHostKey?: string;
  /** Private key file to log in to its machines; else the agent and ~/.ssh defaults. */
  identityFile?: string;
}

/** Settings of devstack for all nodes, a role or one node; later ones win over earlier ones. */
export interface DevstackSettings {
  /** Variables of `[[local|localrc]]`. */
  localrc?: Record<string, string | number | boolean | SecretRef>;
  /** Phase → file → section → option: `post-config` → `$NOVA_CONF` → `DEFAULT` → … */
  conf?: Record<
    string,
    Record<string, Record<string, Record<string, string | number | boolean | SecretRef>>>
  >;
  /** Services on (true) and off (false). */
  services?: Record<string, boolean>;
}

export interface DevstackPlugin {
  url: string;
  /** Branch, tag or commit. @default devstack's own branch */
  ref?: string;
  /** Plugins that must be enabled before it. */
  after?: string[];
  /** Roles that it is enabled on. @default all */
  roles?: ("controller" | "compute" | "database" | "messagequeue" | "cell")[];
}

export interface DevstackOverlay {
  kind: "vxlan";
  /** @default mesh */
  topology?: "mesh" | "star";
  /** @default linux */
  bridge?: "linux" | "ovs";
  /** @default given out by the lock file */
  vni?: number;
  /** @default 4789 */
  port?: number;
  /** Declared network that carries it. @default the first that all nodes have an address on */
  network?: string;
  /** IPv4 network of the overlay. @default 172.24.4.0/23 */
  cidr?: string;
  /** Name of the bridge on the nodes. @default br-overlay */
  device?: string;
  /** MTU of the network between the nodes in bytes. @default the smallest of their networks, else 1500 */
  underlayMtu?: number;
}

/** Multi-node devstack on machines of any backend. */
export interface DevstackConfig {
  branch: string;
  /** @default allinone for one controller alone, cells where there are cells, else multinode */
  preset?: "allinone" | "multinode" | "cells";
  layout: {
    controller: string[];
    compute?: string[];
    /** @default the first controller */
    database?: string;
    /** @default the first controller */
    messagequeue?: string;
    /** Cell → the machine of its conductor, and its computes. */
    cells?: Record<string, { conductor: string; compute?: string[] }>;
  };
  /** @default none */
  overlay?: DevstackOverlay;
  /** Base of the git URLs. @default https://opendev.org */
  gitBase?: string;
  /** devstack's own repository. @default openstack/devstack under `gitBase` */
  repo?: string;
  /** The user that it runs as. @default stack */
  user?: string;
  uid?: number;
  /** In the order in which they must be enabled where nothing else says so. */
  plugins?: Record<string, DevstackPlugin>;
  /** For every node. */
  shared?: DevstackSettings;
  roles?: Partial<Record<"controller" | "compute" | "database" | "messagequeue" | "cell", DevstackSettings>>;
  /** By logical name of the machine. */
  nodes?: Record<string, DevstackSettings>;
  /** @default { secret: devstackPassword } for each */
  passwords?: Partial<Record<"admin" | "database" | "messagequeue" | "service", SecretRef>>;
  packages?: string[];
  /** Texts of unified diffs by name. */
  patches?: Record<string, string>;
  /** Texts of files for extras.d by name. */
  extras?: Record<string, string>;
  /** Commands that must succeed on every node once it is stacked. */
  checks?: string[];
  /** Raise to stack all nodes anew. @default 1 */
  generation?: number;
  /** Seconds. @default 7200 and 900 */
  timeoutS?: number;
  silenceS?: number;
  /** @default a server is booted on each hypervisor */
  verify?: { boot?: false | { image?: string; flavor?: string; network?: string; timeoutS?: number } };
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
  bootServer?: BootServerConfig;
  devstack?: DevstackConfig;
}

/** Position of a config value in its file, for messages of the plan. `path` is e.g. `["machines", "w1", "networks", 0]`. */
export type ConfigPath = readonly (string | number)[];

/** Something wrong in the config: all of them are reported at once. */
export interface ConfigProblem {
  path: ConfigPath;
  message: string;
}
