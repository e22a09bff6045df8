import type { WaitConfig } from "../../stacks/config/types";
import type { Run } from "../core/definition";
import { DeadlineError, LabError } from "../core/errors";
import { stopwatch } from "../core/stopwatch";
import type { SshTarget } from "./target";
import type { WaitOptions } from "./wait";

/** How a machine is reached. */
export interface Arrival {
  address?: string;
  sshPort?: number;
  sshHostKey?: string;
}

/** What a wait gets when the config says nothing, in seconds. */
export const DEFAULT_TIMEOUT_S = 600;
const DEFAULT_SSH_PORT = 22;

/** Wait for a login, or where no user is named for the proof of the host key. */
export async function waitForLogin(
  { name, wait }: { name: string; wait: WaitConfig },
  found: Arrival,
  options: WaitOptions & { via?: SshTarget },
): Promise<Arrival> {
  const { user, port = DEFAULT_SSH_PORT } = wait;
  const { via, timeoutS, ...rest } = options;
  const { address, sshHostKey, sshPort = port } = found;
  if (sshHostKey === undefined)
    throw new LabError(
      `${name}: nobody said which SSH host key it has, so nobody can tell it from an impostor. Add "hostKey:" (ssh-keyscan at its console shows it), let cloud-init make it, or say "wait: address".`,
    );
  if (address === undefined)
    throw new LabError(
      `${name}: it has no address that SSH could reach. Give it a planned "ip:" or a port forward, or say "wait: none".`,
    );
  const target: SshTarget = {
    host: address,
    port: sshPort,
    hostKey: sshHostKey,
    ...(user === undefined ? {} : { user }),
    ...(via ? { via } : {}),
  };
  // Loaded when something is waited for: a preview never does.
  const { waitForSsh } = require("./wait") as typeof import("./wait");
  await waitForSsh(target, { ...rest, timeoutS: Math.max(1, timeoutS) });
  return { ...found, sshPort };
}

const SANDBOX_POLL_MS = 50;

/** Machines of the embedded lab answer on loopback, at an address and port that only the lab's daemon knows. */
export async function waitForSandbox(
  uuid: string,
  name: string,
  timeoutS: number,
  run: Pick<Run, "now" | "signal" | "progress"> & { step: string },
): Promise<Arrival> {
  // Loaded where it is used: no other backend needs it.
  const { embeddedMachines } = require("../../embedded/start") as typeof import("../../embedded/start");
  const watch = stopwatch(run);
  for (;;) {
    const machine = (await embeddedMachines()).find((candidate) => candidate.uuid === uuid);
    if (machine) return { address: machine.address, sshPort: machine.sshPort, sshHostKey: machine.hostKey };
    if (watch.elapsedS() >= timeoutS)
      throw new DeadlineError(
        `${name}: its sandbox did not come up within ${timeoutS} s. See "npm run lab -- embedded status" and the daemon's log; "pulumi up" resumes here.`,
      );
    run.progress(`[${run.step}] for its sandbox`);
    await watch.pause(SANDBOX_POLL_MS);
  }
}
