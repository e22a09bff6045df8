/** Config as people write it, where that differs from `types.ts`: what the schemas let through. */
import type {
  BackendConfig,
  CloudInitConfig,
  DiskConfig,
  ImageConfig,
  MachineConfig,
  NetworkConfig,
  NicConfig,
  VpnConfig,
  VpnUserConfig,
  WaitConfig,
} from "./types";

export type WrittenNetwork = NetworkConfig;
export type WrittenVpnUser = VpnUserConfig;

export interface WrittenDisk extends Omit<DiskConfig, "sizeBytes"> {
  size?: string;
}

export interface WrittenMachine extends Omit<MachineConfig, "memoryMiB" | "disks" | "networks" | "wait"> {
  memory?: string;
  disk?: string | WrittenDisk;
  disks?: (string | WrittenDisk)[];
  image?: string;
  networks?: (string | NicConfig)[];
  user?: NonNullable<CloudInitConfig["user"]>;
  sshKeys?: string[];
  wait?: WaitConfig["for"] | (Omit<WaitConfig, "timeoutS"> & { timeout?: string });
}

export interface WrittenVpn extends Omit<VpnConfig, "users"> {
  users?: Record<string, WrittenVpnUser>;
}

export interface WrittenLab {
  lab?: string;
  addressPool?: string;
  backends: Record<string, BackendConfig>;
  networks: Record<string, WrittenNetwork>;
  images: Record<string, ImageConfig>;
  machines: Record<string, WrittenMachine>;
  vpn?: WrittenVpn;
}
