import type { BackendConfig, PowerConfig, SecretRef } from "../../stacks/config/types";
import type { OnMachine } from "../core/definition";

/** Power as planned: names of backends are their connection data, everything else as written. */
export type PlannedPower =
  | Exclude<PowerConfig, { kind: "libvirt" } | { kind: "virtualbox" }>
  | { kind: "libvirt"; backend: BackendConfig; domain: string }
  | { kind: "virtualbox"; backend: BackendConfig; machine: string };

export type PowerStatus = "on" | "off" | "unknown";

/** What a driver is given besides its config. */
export interface PowerContext {
  /** Name of the machine, for messages. */
  name: string;
  /** MAC of its first card, lower case with colons, where it is known. */
  mac?: string;
  /** How it boots, where it is known: some BMCs order a boot of the other kind otherwise. */
  firmware?: "bios" | "uefi";
  /** How its system is reached, for the last resort. */
  ssh?: OnMachine & { user?: string; identityFile?: string };
  signal: AbortSignal;
  secret(ref: SecretRef): string;
  progress(message: string): void;
  /** A line that stays, for what a person has to do. @default progress */
  say?(message: string): void;
  /** For drivers that go through another backend's client. */
  dryRun?: boolean;
}

/**
 * One machine's switch. Every call is idempotent, has its own deadline, and resolves only when the new state is really
 * there. None needs the machine's system, except those of `ssh`.
 */
export interface Power {
  /** What it cannot do is refused with a way out: wake-on-LAN cannot switch off. */
  readonly can: { status: boolean; off: boolean; networkOnce: boolean };
  status(): Promise<PowerStatus>;
  on(): Promise<void>;
  /** At once, as by the button: its system is not asked. */
  off(): Promise<void>;
  /** Off and on again; on, where it was off. */
  cycle(): Promise<void>;
  /**
   * The next boot, and only that one, is from the network. Where `can.networkOnce` is false, nothing happens: the boot
   * order must have it. `disk` takes a BMC back that keeps the network for every boot.
   */
  bootOnce(device: "network" | "disk"): Promise<void>;
  close(): Promise<void>;
}
