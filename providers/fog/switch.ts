import type { Run } from "../core/definition";
import { powerFor } from "../power";
import type { PlannedPower, Power } from "../power/power";

export interface Switched {
  name: string;
  mac?: string | undefined;
  power: PlannedPower;
  /** How its system is reached, for the last resort. */
  ssh?: { address?: string; sshPort?: number; sshHostKey?: string; user?: string; identityFile?: string };
}

/** Do `work` with the machine's power switch in hand. */
export async function withPower<T>(
  { name, mac, power: planned, ssh }: Switched,
  run: Pick<Run, "signal" | "progress" | "dryRun" | "secret"> & Partial<Pick<Run, "say">>,
  work: (power: Power) => Promise<T>,
): Promise<T> {
  const power = powerFor(planned, {
    name,
    ...(mac === undefined ? {} : { mac }),
    ...(ssh ? { ssh } : {}),
    signal: run.signal,
    secret: (ref) => run.secret(ref),
    progress: (message) => run.progress(message),
    // What a person has to do must not be gone with the next line.
    say: (message) => (run.say ? run.say(message) : run.progress(message)),
    dryRun: run.dryRun,
  });
  try {
    return await work(power);
  } finally {
    await power.close();
  }
}
