import type { Readable } from "node:stream";

/** What a guest gets from its hypervisor when it boots. */
export interface GuestHardware {
  uuid: string;
  name: string;
  /** Host name to use where no seed gives one. */
  hostName?: string;
  nics: { mac: string; network?: string; ip?: string }[];
  /** Files of its disks and CD-ROMs, in order; the NoCloud seed is looked for in them. */
  media: string[];
  /** Kernel command line, when it boots a kernel directly. */
  cmdline?: string;
  /** Where it boots from, in order. Absent: from whatever it has. */
  bootOrder?: BootDevice[];
  /** Its first disk. */
  disk?: BootDisk;
  /** What the network of its first card says to a machine that boots by it. */
  netboot?: NetworkBoot;
  /** Whether an address leads to the host's own loopback: a gateway, or NAT's 10.0.2.2. */
  isHost?: (address: string) => boolean;
}

export type BootDevice = "network" | "disk" | "dvd";

/** A disk as the firmware and an installer see it. */
export interface BootDisk {
  /** Nothing was ever written to it: no boot from there. */
  isBlank(): boolean;
  /** An installer wrote a system to it. */
  install(): void;
}

/** The URL that iPXE is sent to, or the folder that VirtualBox's own TFTP serves to pxelinux. */
export type NetworkBoot = {
  /** Of the card that boots, lower case with colons. */
  mac: string;
} & ({ via: "ipxe"; url: string } | { via: "tftp"; prefix: string; bootFile: string });

/** Where a running guest really answers. */
export interface GuestAddress {
  address: string;
  sshPort: number;
  /** `ssh-ed25519 AAAA…` */
  hostKey: string;
}

/** Runs what is inside the domains. The libvirt server knows no more of it than this. */
export interface Guests {
  /** Look into the media before the boot: the host name for the DHCP request. */
  hostNameOf(hardware: GuestHardware): string | undefined;
  /** Boot; resolves when its services listen. `onExit` is called when the guest goes down by itself. */
  boot(hardware: GuestHardware, onExit: (how: "poweroff" | "reboot") => void): Promise<void>;
  /** Power off at once: everything in it ends. */
  kill(uuid: string): Promise<void>;
  pause(uuid: string, paused: boolean): void;
  address(uuid: string): GuestAddress | undefined;
  /** Output of the console from now on, and what was there already. */
  console(uuid: string): Readable;
  /** Its disk is gone for good. */
  forget(uuid: string): Promise<void>;
  /** Keep a copy of its disk as it is now, for a snapshot. */
  keep?(uuid: string, snapshot: string): Promise<void>;
  /** Give it the disk of a snapshot again; it is off. */
  restore?(uuid: string, snapshot: string): Promise<void>;
  /** The snapshot is gone. */
  release?(uuid: string, snapshot: string): Promise<void>;
}
