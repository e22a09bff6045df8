/** Config as people write it, where that differs from `types.ts`: what the schemas let through. */
import type {
  AccessConfig,
  BackendConfig,
  BootServerConfig,
  CloudInitConfig,
  DevstackConfig,
  DevstackOverlay,
  DevstackPlugin,
  DevstackSettings,
  DiskConfig,
  ImageConfig,
  InstallConfig,
  MachineConfig,
  NetworkConfig,
  NicConfig,
  PortForward,
  SnapshotConfig,
  VpnConfig,
  VpnUserConfig,
  WaitConfig,
} from "./types";

export type WrittenNetwork = NetworkConfig;
export type WrittenVpnUser = VpnUserConfig;

export interface WrittenDisk extends Omit<DiskConfig, "sizeBytes"> {
  size?: string;
}

export interface WrittenForward extends Omit<PortForward, "protocol"> {
  protocol?: PortForward["protocol"];
}

export interface WrittenNic extends Omit<NicConfig, "forwards"> {
  forwards?: (string | WrittenForward)[];
}

export interface WrittenInstall
  extends Omit<InstallConfig, "sizeBytes" | "memoryMiB" | "timeoutS" | "templateFile"> {
  size?: string;
  memory?: string;
  timeout?: string;
}

export interface WrittenImage extends Omit<ImageConfig, "install"> {
  install?: WrittenInstall;
}

export interface WrittenImaging {
  queued?: string;
  stall?: string;
  total?: string;
  boot?: string;
}

export interface WrittenMachine
  extends Omit<
    MachineConfig,
    "memoryMiB" | "disks" | "networks" | "wait" | "snapshots" | "onRelease" | "imaging" | "access"
  > {
  mac?: string;
  /** `image:<image>`, `wipe`, `poweroff` or `keep` */
  onRelease?: string;
  imaging?: WrittenImaging;
  access?: AccessConfig;
  memory?: string;
  disk?: string | WrittenDisk;
  disks?: (string | WrittenDisk)[];
  image?: string;
  networks?: (string | WrittenNic)[];
  snapshots?: (string | SnapshotConfig)[];
  user?: NonNullable<CloudInitConfig["user"]>;
  sshKeys?: string[];
  wait?: WaitConfig["for"] | (Omit<WaitConfig, "timeoutS"> & { timeout?: string });
}

export interface WrittenVpn extends Omit<VpnConfig, "users"> {
  users?: Record<string, WrittenVpnUser>;
}

export interface WrittenSettings {
  services?: DevstackSettings["services"];
  localConf?: Pick<DevstackSettings, "localrc" | "conf">;
}

export type WrittenText = string | { file: string };

export interface WrittenDevstack
  extends Omit<
      DevstackConfig,
      | "layout"
      | "overlay"
      | "plugins"
      | "shared"
      | "roles"
      | "nodes"
      | "patches"
      | "extras"
      | "timeoutS"
      | "silenceS"
      | "verify"
    >,
    WrittenSettings {
  layout: {
    controller: string | string[];
    compute?: string | string[];
    database?: string;
    messagequeue?: string;
    cells?: Record<string, { conductor: string; compute?: string | string[] }>;
  };
  overlay?: "vxlan" | DevstackOverlay;
  plugins?: Record<string, string | DevstackPlugin>;
  roles?: Record<string, WrittenSettings>;
  nodes?: Record<string, WrittenSettings>;
  patches?: Record<string, WrittenText>;
  extras?: Record<string, WrittenText>;
  timeout?: string;
  silence?: string;
  verify?: {
    boot?: false | { image?: string; flavor?: string; network?: string; timeout?: string };
  };
}

export interface WrittenLab {
  lab?: string;
  addressPool?: string;
  backends: Record<string, BackendConfig>;
  networks: Record<string, WrittenNetwork>;
  images: Record<string, WrittenImage>;
  machines: Record<string, WrittenMachine>;
  vpn?: WrittenVpn;
  bootServer?: BootServerConfig;
  devstack?: WrittenDevstack;
}
