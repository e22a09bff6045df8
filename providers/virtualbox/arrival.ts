import { isEmbedded } from "../../stacks/config/place";
import type { Run } from "../core/definition";
import { pruned } from "../core/reported";
import { stopwatch } from "../core/stopwatch";
import { type Arrival, DEFAULT_TIMEOUT_S, waitForLogin, waitForSandbox } from "../ssh/arrival";
import type { Uuid, VirtualBoxClient } from "./client";
import type { MachineInputs } from "./machine";

/**
 * How it is reached without waiting: through a forwarded port, or at its planned address. On VirtualBox's NAT a
 * guest's own address says nothing, for every one of them has the same.
 */
export const plannedArrival = ({ ssh, nics, hostKey }: MachineInputs, known: Arrival | undefined): Arrival =>
  pruned<Arrival>({
    address:
      ssh?.host ?? nics.find(({ ip, type }) => ip !== undefined && type !== "nat")?.ip ?? known?.address,
    sshPort: ssh?.port ?? known?.sshPort,
    sshHostKey: hostKey ?? known?.sshHostKey,
  });

/** Wait for what `wait.for` asks; one deadline for all of it. */
export async function waitForArrival(
  client: VirtualBoxClient,
  uuid: Uuid,
  inputs: MachineInputs,
  known: Arrival,
  run: Pick<Run, "now" | "signal" | "progress" | "backend">,
  step: string,
): Promise<Arrival> {
  const { for: what, timeoutS = DEFAULT_TIMEOUT_S } = inputs.wait;
  if (what === "none" || (what === "boot" && !isEmbedded(run.backend))) return known;
  const watch = stopwatch(run);
  const found = isEmbedded(run.backend) ? await atSandbox(uuid, inputs, known, timeoutS, run, step) : known;
  if (what !== "ssh") return found;
  return waitForLogin(inputs, found, {
    ...(client.via ? { via: client.via } : {}),
    timeoutS: timeoutS - watch.elapsedS(),
    signal: run.signal,
    onProgress: (message) => run.progress(`[${step}] ${message}`),
  });
}

/** Addresses behind no forwarded port exist only inside the embedded lab: there it is the sandbox's own. */
async function atSandbox(
  uuid: Uuid,
  inputs: MachineInputs,
  known: Arrival,
  timeoutS: number,
  run: Pick<Run, "now" | "signal" | "progress">,
  step: string,
): Promise<Arrival> {
  const sandbox = await waitForSandbox(uuid, inputs.name, timeoutS, { ...run, step });
  return inputs.ssh
    ? pruned<Arrival>({ ...sandbox, ...known, sshHostKey: known.sshHostKey ?? sandbox.sshHostKey })
    : sandbox;
}
