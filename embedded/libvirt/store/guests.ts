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
}

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
}
