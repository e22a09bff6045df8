import type { FogImageConfig, LabConfig, MachineConfig } from "../../../../stacks/config/types";
import { KEY } from "./lab";

/** Labs of bare metal for the tests of the planner. */

export const BMC = { kind: "ipmi", host: "bmc1.example" } as const;

/** A FOG server `metal` with images `c7` and `rocky`, and a hypervisor `rack`. */
export function metalLab(machines: Record<string, MachineConfig>, parts: Partial<LabConfig> = {}): LabConfig {
  return {
    lab: "k3v9q2x7",
    stack: "dev",
    backends: {
      metal: { kind: "fog", url: "http://fog.example/fog" },
      rack: { kind: "libvirt", uri: "qemu:///system" },
    },
    networks: {},
    images: { c7: fogImage(), rocky: fogImage(), base: { path: "base.qcow2" } },
    machines,
    ...parts,
  };
}

export const fogImage = (parts: Partial<FogImageConfig> = {}): { fog: FogImageConfig } => ({
  fog: { backend: "metal", ...parts },
});

/** A host that may be imaged. */
export const host = (parts: Partial<MachineConfig> = {}): MachineConfig => ({
  backend: "metal",
  image: "c7",
  power: BMC,
  allow: ["wipe"],
  ...parts,
});

/** A virtual machine that somebody can log in to. */
export const guest = (parts: Partial<MachineConfig> = {}): MachineConfig => ({
  backend: "rack",
  disks: [{ sizeBytes: 2 ** 30, image: "base" }],
  networks: [{ bridge: "br0", ip: "192.0.2.50" }],
  cloudInit: { sshKeys: [KEY] },
  wait: { for: "ssh" },
  ...parts,
});
