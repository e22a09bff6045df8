import type { MachineInputs } from "../../providers/virtualbox/machine";
import { isEmbedded } from "../config/place";
import type { MachineConfig, WaitConfig } from "../config/types";
import type { Context } from "./context";
import { canAnswer } from "./machine-fields";
import type { MachineFacts } from "./machines";
import { directAddress } from "./ports";

export const WAIT_S = 600;

/** The disk first, so that an installer's ISO boots only while the disk is blank. */
export function bootOrder({ disks = [], iso }: MachineConfig): MachineInputs["boot"] {
  if (iso === undefined) return ["hd"];
  return disks.length > 0 ? ["hd", "cdrom"] : ["cdrom"];
}

/** ssh where somebody can log in at an address that we know of; else nothing. */
export function waitOf(machine: MachineFacts, sshKeys: readonly string[] = []): WaitConfig {
  const { config, backend } = machine;
  const answers = canAnswer(config) || isEmbedded(backend) || backend.kind === "openstack";
  const wanted: WaitConfig = config.wait ?? {
    for: config.running !== false && sshKeys.length > 0 && isReached(machine) && answers ? "ssh" : "none",
  };
  if (wanted.for === "none") return { for: "none" };
  return {
    for: wanted.for,
    timeoutS: wanted.timeoutS ?? WAIT_S,
    ...(wanted.for === "ssh" ? { port: wanted.port ?? 22 } : {}),
    ...(wanted.for === "ssh" && wanted.user !== undefined ? { user: wanted.user } : {}),
  };
}

/** What is asked to be waited for must be seen from the host. */
export function checkWaits({ problems }: Context, machines: ReadonlyMap<string, MachineFacts>): void {
  for (const machine of machines.values()) {
    const { logical, config, hypervisor, backend, nics } = machine;
    const what = config.wait?.for;
    // The embedded lab sees into its machines, and those without a card are told elsewhere.
    if (hypervisor !== "virtualbox" || isEmbedded(backend) || nics.length === 0) continue;
    if ((what === "ssh" || what === "address") && !isReached(machine))
      problems.add(
        ["machines", logical, "wait"],
        `it waits for ${what}, and its host reaches none of its cards at an address known here. Add a card of \`type: nat\`, put it on a network of mode nat or hostonly, or say \`wait: none\`.`,
      );
  }
}

/** The host has a way to it that we know of. Into a network of a cloud only a floating IP or a bastion leads. */
export const isReached = (machine: MachineFacts): boolean => {
  const { backend, config, nics } = machine;
  if (backend.kind === "openstack")
    return (
      config.floatingIp === true || (backend.bastion !== undefined && nics.some(({ ip }) => ip !== undefined))
    );
  return machine.hypervisor === "virtualbox"
    ? machine.ssh !== undefined || directAddress(machine) !== undefined
    : nics.some(({ network, ip }) => ip !== undefined || network?.dhcp !== undefined);
};
