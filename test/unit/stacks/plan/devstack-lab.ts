import type { DevstackConfig, LabConfig, MachineConfig } from "../../../../stacks/config/types";
import { lab, machine } from "./lab";

/** Labs with a devstack for the tests of the planner. */

/** A machine that can be logged in to, on `admin`. */
export const node = (parts: Partial<MachineConfig> = {}): MachineConfig =>
  machine({ wait: { for: "ssh" }, ...parts });

export interface DevstackLab {
  devstack?: Partial<DevstackConfig>;
  machines?: Record<string, MachineConfig>;
  lab?: Partial<LabConfig>;
}

/** A controller and so many computes, hv1 … hvN, with an overlay. */
export function devstackLab(computes: number, parts: DevstackLab = {}): LabConfig {
  const names = Array.from({ length: computes }, (_, i) => `hv${i + 1}`);
  return lab({
    networks: { admin: { backend: "rack", cidr: "10.20.0.0/22" } },
    machines: Object.fromEntries([
      ...["ctl", ...names].map((name) => [name, node()]),
      ...Object.entries(parts.machines ?? {}),
    ]),
    devstack: {
      branch: "stable/2026.1",
      layout: { controller: ["ctl"], ...(computes > 0 ? { compute: names } : {}) },
      ...(computes > 0 ? { overlay: { kind: "vxlan" } } : {}),
      ...parts.devstack,
    },
    ...parts.lab,
  });
}
