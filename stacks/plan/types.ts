import type { BackendConfig, ConfigProblem } from "../config/types";

/** One resource as planned: every input known, before the engine sees it. */
export interface PlannedResource {
  /** `libvirt:Domain` */
  kind: string;
  /** Logical name, unique in its kind. */
  name: string;
  /** Logical names before renames (`formerly`), the latest first: they become Pulumi aliases. */
  formerNames?: string[];
  /** Logical name in the mark: the one that the thing was first made under. @default name */
  markName?: string;
  inputs: Record<string, unknown>;
  /** Keys (`kind name`) of what must exist first; also what must outlive it on destroy. */
  dependsOn: string[];
  /**
   * Keys of what this must be recreated with: a domain with its network or volume. The engine then removes this
   * before it removes those (rule 5).
   */
  recreateWith: string[];
  /** Another value makes it anew: for what its plugin would change in place, and too late. */
  recreateOn?: string;
  /** What its owner lets be lost of it. */
  allow?: readonly "wipe"[];
  /** Of the provider plugin that makes it, as found where its cloud was asked. */
  pluginSettings?: Record<string, string>;
  /** Inputs that stay as the engine knows them. */
  ignoreChanges?: string[];
  /** The backend's connection data, without secrets: kept with the resource (rule 13). */
  backend: BackendConfig;
  /**
   * The machine that it lives on or in: it is told how that is reached, and is made anew when that is imaged anew.
   * `deletedWith`: gone with that machine, so that nobody has to log in there to remove it. `edition`: where it is and
   * what it is imaged with, in a word; a preview cannot ask the machine whether it is imaged anew.
   */
  on?: { key: string; deletedWith: boolean; edition: string };
  /** Other machines that it has to reach: logical name → key. It comes after them. */
  peers?: Record<string, string>;
}

export const resourceKey = (kind: string, name: string): string => `${kind} ${name}`;

/** Addresses, ports and VNIs handed out so far: `stacks/<stack>.lock.yaml`. */
export interface Lock {
  version: 1;
  /** network → IPv4 CIDR that we chose */
  cidrs: Record<string, string>;
  /** network → machine → IPv4 address */
  addresses: Record<string, Record<string, string>>;
  /** machine → network card → MAC address that we chose: hashed, kept because 24 bits are a small space. */
  macs?: Record<string, Record<string, string>>;
  /** `machines/web1` → the first name of what was renamed: its facts stay with that name. */
  seeds?: Record<string, string>;
  /** backend → host port → what it leads to, `web1 ssh`: ports that we chose. */
  ports?: Record<string, Record<string, string>>;
  /** machine → backend that it was on last time: a move is said in the preview. */
  homes?: Record<string, string>;
  /** machine → disk → installed image and its edition: a clone of another one is told in the preview. */
  clones?: Record<string, Record<string, string>>;
  /** machine → the flavor that was chosen, and for what: `m1.small for 1 cpu, 2048 MiB, 20 GiB`. */
  flavors?: Record<string, string>;
  /** machine → the image of a cloud that it was made with: `Debian 12 = <id>`. */
  glance?: Record<string, string>;
  /** overlay → VXLAN network identifier that we chose */
  vnis?: Record<string, string>;
  /** overlay → machine → IPv4 address in it */
  overlays?: Record<string, Record<string, string>>;
  /** VPN user → uid, of those that were there last time: too many gone at once is taken for a mistake. */
  users?: Record<string, string>;
}

export interface LabPlan {
  lab: string;
  stack: string;
  /** In an order in which each comes after what it depends on. */
  resources: PlannedResource[];
  /** The lock as it must be written by `up`. Entries of things gone are dropped. */
  lock: Lock;
  /** Facts handed out by this plan and not in the lock before: shown in the preview. */
  newFacts: string[];
  /** Warnings for the preview. */
  notes: string[];
}

export type PlanResult = { plan: LabPlan; problems: [] } | { plan?: undefined; problems: ConfigProblem[] };
