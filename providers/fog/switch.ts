import type { Run } from "../core/definition";
import { pruned } from "../core/reported";
import { powerFor } from "../power";
import type { PlannedPower, Power, PowerContext } from "../power/power";
import { reachOf } from "./target";

/** A machine with its switch, and how its system is reached where it is known: for the last resort among them. */
export interface Switched {
  name: string;
  mac?: string | undefined;
  power: PlannedPower;
  user?: string;
  address?: string;
  sshPort?: number;
  sshHostKey?: string;
  hostKeys?: string[];
}

/** Drivers that ask the system itself, or somebody who goes there. */
const ASKS_SYSTEM: ReadonlySet<string> = new Set(["ssh", "none"]);

export const isSwitchedByItsSystem = ({ power }: Pick<Switched, "power">): boolean =>
  ASKS_SYSTEM.has(power.kind);

/** Do `work` with the machine's power switch in hand. */
export async function withPower<T>(
  machine: Switched,
  run: Pick<Run, "backend" | "signal" | "progress" | "dryRun" | "secret">,
  work: (power: Power) => Promise<T>,
): Promise<T> {
  const { name, mac, power: planned } = machine;
  const power = powerFor(planned, {
    name,
    ...(mac === undefined ? {} : { mac }),
    ...(isSwitchedByItsSystem(machine) ? { ssh: await sshOf(machine, run) } : {}),
    signal: run.signal,
    secret: (ref) => run.secret(ref),
    progress: (message) => run.progress(message),
    dryRun: run.dryRun,
  });
  try {
    return await work(power);
  } finally {
    await power.close();
  }
}

async function sshOf(
  { user, address, sshPort, sshHostKey, hostKeys }: Switched,
  { backend }: Pick<Run, "backend">,
): Promise<NonNullable<PowerContext["ssh"]>> {
  const { identityFile } = await reachOf(backend);
  return pruned<NonNullable<PowerContext["ssh"]>>({
    address,
    sshPort,
    sshHostKey: sshHostKey ?? hostKeys?.[0],
    user,
    identityFile,
    since: undefined,
  });
}
