import type { Run } from "../core/definition";
import { logInForLook, wayToPeer } from "../ssh/machine-login";
import { RootShell } from "../ssh/root-shell";
import type { JoinInputs } from "./types";

/** systemd's unit of nova-compute, as devstack makes it. */
export const UNIT = "devstack@n-cpu.service";

const STATE = 'systemctl is-active "$1" 2>/dev/null || :';
/** Enabled, too, as stack.sh does it: else it is away after the next boot. */
const START = 'systemctl enable "$1" >/dev/null 2>&1 || :; systemctl start "$1"';
const RESTART = 'systemctl restart "$1"';
/** Gone is success: unstack.sh takes the unit away. */
const STOP = [
  'systemctl stop "$1" 2>/dev/null || :; systemctl disable "$1" >/dev/null 2>&1 || :',
  'case $(systemctl is-active "$1" 2>/dev/null) in active | activating | reloading | deactivating) exit 1 ;; esac',
].join("\n");

const STOP_DEADLINE_S = 120;

type ComputeRun = Pick<Run, "peers" | "signal" | "backend">;

async function onCompute<T>(
  inputs: Pick<JoinInputs, "name" | "computeLogin">,
  run: ComputeRun,
  work: (shell: RootShell) => Promise<T>,
): Promise<T> {
  const { name, computeLogin: login } = inputs;
  const connection = await logInForLook({ name, login }, wayToPeer(run, name), `compute "${name}"`);
  try {
    return await work(new RootShell(connection, login.user));
  } finally {
    await connection.close();
  }
}

/** Start nova-compute where it was stopped. Returns what systemd said of it before. */
export const ensureStarted = (inputs: Pick<JoinInputs, "name" | "computeLogin">, run: ComputeRun) =>
  onCompute(inputs, run, async (shell) => {
    const { signal } = run;
    const { stdout } = await shell.run(`look at ${UNIT}`, STATE, [UNIT], { signal });
    const state = stdout.trim() || "unknown";
    if (state === "inactive" || state === "failed")
      await shell.run(`start ${UNIT}`, START, [UNIT], { signal });
    return state;
  });

/** A nova-compute that runs does not make its record anew when that is gone; one that starts does. */
export const restart = (inputs: Pick<JoinInputs, "name" | "computeLogin">, run: ComputeRun) =>
  onCompute(inputs, run, async (shell) => {
    await shell.run(`restart ${UNIT}`, RESTART, [UNIT], { signal: run.signal, deadlineS: STOP_DEADLINE_S });
  });

/** Stop nova-compute: as long as it runs, it registers itself again. */
export const ensureStopped = (inputs: Pick<JoinInputs, "name" | "computeLogin">, run: ComputeRun) =>
  onCompute(inputs, run, async (shell) => {
    const { signal } = run;
    await shell.run(`stop ${UNIT}`, STOP, [UNIT], { signal, deadlineS: STOP_DEADLINE_S });
  });
