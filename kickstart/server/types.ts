/** The stages of an installation and of a machine's life, in their order; `failed` may follow any. */
export const STAGES = ["pxe", "config", "pre", "installed", "booted", "failed"] as const;
export type Stage = (typeof STAGES)[number];

/** What a machine is allowed, from its registration until it expires or is ended. Kept in a file of mode 0600. */
export interface Registration {
  /** Random name of this build or boot; a new one each time. */
  build: string;
  /** Logical name of the machine or image. */
  machine: string;
  /** Lower case with colons. */
  mac: string;
  /** `image`: a FOG host that is imaged, which may tell its new host key. */
  purpose: "install" | "record" | "image";
  /** 128 random bits, hex. Never in a log, never in state. */
  token: string;
  /** ISO 8601 of the first registration of this build: what its deadlines are counted from. */
  begun: string;
  /** ISO 8601. After it nothing is served, and of its events only installed, booted and failed are taken. */
  expires: string;
  /** `ssh-ed25519 AAAA…` that its seed gave it: another one in its own words is not the machine that was made. */
  hostKey?: string;
  /** What is served while it installs. */
  install?: InstallFiles;
  /** Where SSH reaches it from here, when that is not the address that it calls from: a forwarded port. */
  ssh?: { host: string; port: number };
  /** ISO 8601 of its `installed` event: from then on nothing is served, so that it does not install itself again. */
  installedAt?: string;
}

export interface InstallFiles {
  installer: "kickstart" | "preseed" | "autoinstall";
  /** Filled in: token, URL and secrets in their places. */
  text: string;
  /** Paths on this machine. */
  kernel: string;
  initrd: string;
  /** With the URL of the config in its place. */
  cmdline: string;
  /** Values in the text that no log may hold: an installer's own log may quote its config. */
  secrets?: string[];
}

/** One line of the boot log. Append-only JSON lines. */
export interface BootEvent {
  /** ISO 8601. */
  at: string;
  stage: Stage | "refused";
  /** Of the registration; absent for a stranger. */
  machine?: string;
  build?: string;
  mac?: string;
  /** Address that it came from. */
  address: string;
  hostName?: string;
  /** `ssh-ed25519 AAAA…` */
  sshHostKey?: string;
  bootId?: string;
  /** Tail of the installer's log of a failure; why a caller was refused. */
  detail?: string;
}
