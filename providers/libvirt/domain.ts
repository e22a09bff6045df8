import type { CloudInitConfig, WaitConfig } from "../../stacks/config/types";

export interface DomainDisk {
  /** Volume in `pool`. */
  volume: string;
  pool: string;
  format: "qcow2" | "raw" | "iso";
  /** @default disk */
  device?: "disk" | "cdrom";
  /** @default virtio, sata for a cdrom */
  bus?: "virtio" | "scsi" | "sata";
}

export interface DomainNic {
  mac: string;
  /** libvirt network name … */
  network?: string;
  /** … or host bridge. */
  bridge?: string;
  /** @default virtio */
  model?: "virtio" | "e1000" | "e1000e" | "rtl8139";
  /** Planned IPv4 address (a DHCP reservation of the network, or static by cloud-init). */
  ip?: string;
}

export interface DomainInputs {
  name: string;
  uuid: string;
  backend: string;
  hostName: string;
  cpus: number;
  memoryMiB: number;
  firmware: "bios" | "uefi";
  accel: "auto" | "kvm" | "tcg";
  boot: ("hd" | "network" | "cdrom")[];
  disks: DomainDisk[];
  nics: DomainNic[];
  /** Paths on the hypervisor. */
  kernel?: { kernel: string; initrd?: string; cmdline?: string };
  /** NoCloud seed; the ISO is a volume of `seedPool`. Texts may hold `{{secret:name}}`. */
  cloudInit?: CloudInitConfig;
  seedPool?: string;
  /** Its `booted` event is waited for by a `boot:Record`; the seed brings the unit that sends it. */
  bootRecord?: { url: string };
  running: boolean;
  autostart: boolean;
  wait: WaitConfig;
  /** Known host key, when we do not build it. */
  hostKey?: string;
  template?: string;
  adopt?: boolean;
  onDestroy?: "release" | "delete";
}

export interface DomainState extends DomainInputs {
  /** First address seen, from a lease or the plan. */
  address?: string;
  /** `ssh-ed25519 AAAA…`, made with the seed (cloud-init) or given. */
  sshHostKey?: string;
  /** Port that its SSH server answers at. */
  sshPort?: number;
  /** False when something that we wrote and that is no input was changed outside: power actions, seed image. */
  intact: boolean;
  adopted?: boolean;
}
