import type { RecordInputs } from "../../providers/boot/record";
import { bootServerFor } from "./boot-server";
import { planCloudInit } from "./cloud-init";
import type { Context } from "./context";
import { type MachineFacts, machineKey } from "./machines";
import { renamed } from "./renamed";
import type { PlannedResource } from "./types";
import { WAIT_S } from "./waits";

/** Where machines that wait for their own call send it; and what is wrong with those that cannot. */
export function planBootRecords(context: Context, machines: ReadonlyMap<string, MachineFacts>): void {
  for (const machine of machines.values()) {
    const { logical, config, backend, nics } = machine;
    if (config.wait?.for !== "boot") continue;
    const path = ["machines", logical, "wait"];
    if (!planCloudInit(machine)) {
      context.problems.add(
        path,
        `it waits for its own call, and nothing on it would call: the unit comes with its cloud-init. Give a disk an \`image\`, add \`cloudInit: {}\`, or wait for ssh.`,
      );
      continue;
    }
    // A machine without a card is told where waits are checked.
    if (nics.length === 0) continue;
    const server = bootServerFor(context, backend, nics, path);
    if (server) machine.bootServer = server;
  }
}

/** For the machine's inputs: its seed brings the unit that calls. */
export const bootRecordOf = ({ bootServer }: MachineFacts): { url: string } | undefined =>
  bootServer && { url: bootServer.url };

/** The wait itself: after the machine, and anew with it. */
export function recordResource(machine: MachineFacts): PlannedResource | undefined {
  const { logical, config, backend, bootServer, nics } = machine;
  if (!bootServer) return undefined;
  const key = machineKey(machine);
  const inputs: RecordInputs = {
    name: logical,
    backend: config.backend,
    uuid: machine.uuid,
    mac: nics[0]?.mac ?? "",
    hostName: machine.hostName,
    // Only a network boot needs TFTP.
    server: { ...bootServer, tftpPort: 0 },
    timeoutS: config.wait?.timeoutS ?? WAIT_S,
  };
  return {
    kind: "boot:Record",
    ...renamed(logical, config, machine.seed),
    inputs: { ...inputs },
    dependsOn: [key],
    recreateWith: [key],
    backend,
  };
}
