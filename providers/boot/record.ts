import type { BootServerInputs } from "./build";

/** A machine that is ready when its own `booted` event came, with its token, in time. */
export interface RecordInputs {
  /** Logical name of the machine. */
  name: string;
  backend: string;
  uuid: string;
  /** Of its first card. */
  mac: string;
  hostName: string;
  /** `ssh-ed25519 AAAA…` that it must have. @default the one that its seed gives it, known to the boot server */
  hostKey?: string;
  server: BootServerInputs;
  timeoutS: number;
}

export interface RecordState extends RecordInputs {
  /** Kernel's boot id of the last boot seen. */
  bootId: string;
  /** Address that it called from. */
  address: string;
  /** `ssh-ed25519 AAAA…`, from the machine itself, with its token. */
  sshHostKey?: string;
  /** ISO 8601 of the last `booted` event. */
  bootedAt: string;
}
