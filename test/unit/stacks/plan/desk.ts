import type { MachineInputs } from "../../../../providers/virtualbox/machine";
import type { LabConfig, MachineConfig } from "../../../../stacks/config/types";
import type { LabPlan } from "../../../../stacks/plan/types";
import { GIB, inputsOf, KEY } from "./lab";

/** Labs on VirtualBox for the tests of the planner. */

/** A lab with a libvirt `rack` and a VirtualBox `desk`. */
export function deskLab(parts: Partial<LabConfig> = {}): LabConfig {
  return {
    lab: "k3v9q2x7",
    stack: "dev",
    backends: {
      rack: { kind: "libvirt", uri: "qemu+ssh://root@rack1.example/system" },
      desk: { kind: "virtualbox" },
    },
    networks: {},
    images: { rocky9: { path: "images/rocky9.qcow2", checksum: `sha256:${"a".repeat(64)}` } },
    machines: {},
    ...parts,
  };
}

/** A machine of VirtualBox that starts from an image. */
export function deskMachine(parts: Partial<MachineConfig> = {}): MachineConfig {
  return {
    backend: "desk",
    disks: [{ sizeBytes: 20 * GIB, image: "rocky9" }],
    cloudInit: { sshKeys: [KEY] },
    ...parts,
  };
}

export const vmOf = (plan: LabPlan, name: string): MachineInputs =>
  inputsOf(plan, "virtualbox:Machine", name) as unknown as MachineInputs;
