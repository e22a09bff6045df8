import type { ConfigProblem, LabConfig, MachineConfig } from "../../../../stacks/config/types";
import { emptyLock } from "../../../../stacks/plan/lock-file";
import { plan } from "../../../../stacks/plan/plan";
import type { LabPlan, Lock, PlannedResource } from "../../../../stacks/plan/types";

/** Labs for the tests of the planner. */

export const NOW = new Date("2026-11-21T12:00:00Z");
export const KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIDq8Y2r0p3Qn1m9b7xkH5sQv0u3c8d6e4f2a1B9C7D5E lab";
export const GIB = 2 ** 30;

/** A lab on one hypervisor, `rack`, with a NAT network `admin`; parts are put over it. */
export function lab(parts: Partial<LabConfig> = {}): LabConfig {
  return {
    lab: "k3v9q2x7",
    stack: "dev",
    backends: { rack: { kind: "libvirt", uri: "qemu+ssh://root@rack1.example/system" } },
    networks: { admin: { backend: "rack", cidr: "10.20.0.0/24" } },
    images: { rocky9: { path: "images/rocky9.qcow2", checksum: `sha256:${"a".repeat(64)}` } },
    machines: {},
    ...parts,
  };
}

/** A machine that starts from an image on `admin`. */
export function machine(parts: Partial<MachineConfig> = {}): MachineConfig {
  return {
    backend: "rack",
    disks: [{ sizeBytes: 20 * GIB, image: "rocky9" }],
    networks: [{ network: "admin" }],
    cloudInit: { sshKeys: [KEY] },
    ...parts,
  };
}

/** A machine on an OpenStack cloud, `cloud`. */
export const cloudMachine = (parts: Partial<MachineConfig> = {}): MachineConfig => ({
  backend: "cloud",
  image: "debian12",
  flavor: "m1.small",
  networks: [{ network: "admin" }],
  cloudInit: { sshKeys: [KEY] },
  ...parts,
});

/** The plan of a lab that must be right. */
export function planned(config: LabConfig, lock: Lock = emptyLock(), now: Date = NOW): LabPlan {
  const result = plan(config, lock, now, { allowRemovals: true });
  if (!result.plan) throw new Error(result.problems.map(({ message }) => message).join("\n"));
  return result.plan;
}

/** What is wrong with a lab. */
export const problemsOf = (config: LabConfig, lock: Lock = emptyLock()): ConfigProblem[] =>
  plan(config, lock, NOW).problems;

/** `machines.w1.ip: what is wrong`, for assertions. */
export const told = (config: LabConfig, lock: Lock = emptyLock()): string[] =>
  problemsOf(config, lock).map(({ path, message }) => `${path.join(".")}: ${message}`);

/** One resource of a plan. */
export function resource(result: LabPlan, kind: string, name: string): PlannedResource {
  const found = result.resources.find((one) => one.kind === kind && one.name === name);
  if (!found)
    throw new Error(`no ${kind} "${name}" among ${result.resources.map((one) => one.name).join(", ")}`);
  return found;
}

export const inputsOf = (result: LabPlan, kind: string, name: string): Record<string, unknown> =>
  resource(result, kind, name).inputs;

interface Nic {
  mac: string;
  network?: string;
  bridge?: string;
  ip?: string;
}

export const nicsOf = (result: LabPlan, name: string): Nic[] =>
  inputsOf(result, "libvirt:Domain", name).nics as Nic[];

/** Address of a machine's first card. */
export const addressOf = (result: LabPlan, name: string): string | undefined => nicsOf(result, name)[0]?.ip;

/** Freeze all of it: a planner that changes its input throws. */
export function deepFreeze<T>(value: T): T {
  if (value !== null && typeof value === "object") {
    for (const inner of Object.values(value)) deepFreeze(inner);
    Object.freeze(value);
  }
  return value;
}
