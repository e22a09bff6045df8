import { isEmbedded } from "../../stacks/config/place";
import type { Run } from "../core/definition";
import { DeadlineError } from "../core/errors";
import { stopwatch } from "../core/stopwatch";
import { connectSsh, proveHostKey } from "../ssh/client";
import { SshError } from "../ssh/errors";
import { type SshTarget, targetName } from "../ssh/target";
import { waitForSsh } from "../ssh/wait";
import { type Finding, findAddress } from "./address";
import { toldHostKey } from "./callback";
import type { FogClient, FogHost } from "./client";
import type { ImagedHostInputs, ImagedHostState } from "./imaged-host";
import { type Boots, bootIdOf, prove } from "./proof";
import { reachOf } from "./target";

type UpRun = Pick<Run, "backend" | "now" | "progress" | "say" | "signal">;
type UpInputs = Pick<
  ImagedHostInputs,
  "name" | "image" | "user" | "address" | "hostKeys" | "callback" | "imaging" | "proof"
>;

/** Where a host is up, and the key that it has proven. */
export interface Up {
  address: string;
  sshPort: number;
  sshHostKey: string;
}

const POLL_MS = 1_000;
const EMBEDDED_POLL_MS = 100;
/** An address that was found may be the one of before: it is looked for again after this long without an answer. */
const SLICE_S = 15;
const MEANWHILE_S = 5;
/**
 * sshd is up before the users' keys are in place, and an address that was found may be another machine's by now; after
 * this long it is neither.
 */
const GRACE_S = 60;

/**
 * Wait until the host lets us in. Its key must be one that the config pins, that its own imaging told, or that
 * known_hosts has: never just the one that it shows. `meanwhile` is done again every few seconds.
 */
export async function waitUntilUp(
  client: FogClient,
  host: FogHost,
  inputs: UpInputs,
  run: UpRun,
  { timeoutS = inputs.imaging.bootS, meanwhile }: { timeoutS?: number; meanwhile?: () => Promise<void> } = {},
): Promise<Up> {
  const watch = stopwatch(run);
  let last = "";
  let refusedAt: number | undefined;
  let meanwhileAt = 0;
  for (;;) {
    if (meanwhile && watch.elapsedS() >= meanwhileAt) {
      await meanwhile();
      meanwhileAt = watch.elapsedS() + MEANWHILE_S;
    }
    const { found, misses } = await findAddress(client, host, inputs.address, run);
    const leftS = timeoutS - watch.elapsedS();
    if (leftS <= 0) throw notUp(inputs, timeoutS, last || misses.join("; "));
    if (!found) {
      last = `nobody knows its address (${misses.join("; ")})`;
      run.progress(
        `[6/8 up] for an address of ${inputs.name}, ${Math.round(watch.elapsedS())} of ${timeoutS} s`,
      );
      await watch.pause(isEmbedded(run.backend) ? EMBEDDED_POLL_MS : POLL_MS);
      continue;
    }
    const target = await targetFor(found, host, inputs, run);
    try {
      await waitForSsh(target, {
        timeoutS: inputs.address === undefined || meanwhile ? Math.min(leftS, SLICE_S) : leftS,
        signal: run.signal,
        onProgress: (message) =>
          run.progress(`[6/8 up] ${inputs.name} at ${found.address} (from ${found.source}): ${message}`),
      });
      const { type, key } = await proveHostKey(target, { signal: run.signal });
      return { address: found.address, sshPort: found.sshPort, sshHostKey: `${type} ${key}` };
    } catch (error) {
      const refusal = refusalIn(error);
      const isCertain = inputs.address !== undefined || isEmbedded(run.backend);
      // What a jump host refuses stays refused.
      const mayPass =
        refusal?.target === targetName(target) &&
        (refusal.reason === "login"
          ? error instanceof DeadlineError
          : target.hostKey !== undefined && !isCertain);
      if (!(error instanceof DeadlineError) && !mayPass) throw error;
      last = `at ${found.address} (from ${found.source}): ${(error as Error).message}`;
      if (mayPass) {
        refusedAt ??= watch.elapsedS();
        if (watch.elapsedS() - refusedAt > GRACE_S) throw refusal;
        await watch.pause(POLL_MS);
      } else refusedAt = undefined;
    }
  }
}

/** A refusal by the host itself, also where it was the last thing that a wait met. */
const refusalIn = (error: unknown): SshError | undefined =>
  [error, error instanceof DeadlineError ? error.cause : undefined].find(
    (one): one is SshError =>
      one instanceof SshError && (one.reason === "login" || one.reason === "host-key"),
  );

const notUp = ({ name }: UpInputs, timeoutS: number, last: string): DeadlineError =>
  new DeadlineError(
    `${name}: it was imaged, and did not come up within ${timeoutS} s; ${last.replace(/\.$/, "")}. Look at its console: does it boot from its disk, has it an address, is sshd on? "pulumi up" resumes here, and does not image it again.`,
  );

async function targetFor(
  found: Finding,
  host: FogHost,
  inputs: Pick<UpInputs, "user" | "hostKeys" | "callback" | "imaging">,
  run: Pick<UpRun, "backend">,
): Promise<SshTarget> {
  const told = toldHostKey(host, inputs) ?? found.sshHostKey;
  const pins = inputs.hostKeys?.length ? inputs.hostKeys : told === undefined ? undefined : [told];
  return {
    host: found.address,
    port: found.sshPort,
    user: inputs.user,
    ...(pins ? { hostKey: pins } : {}),
    ...(await reachOf(run.backend)),
  };
}

/** Prove what is installed; resolves with the boot id. */
export async function proveUp(
  up: Up,
  inputs: UpInputs,
  boots: Boots,
  run: UpRun,
): Promise<string | undefined> {
  const target: SshTarget = {
    host: up.address,
    port: up.sshPort,
    user: inputs.user,
    hostKey: up.sshHostKey,
    ...(await reachOf(run.backend)),
  };
  const connection = await connectSsh(target, { signal: run.signal });
  try {
    // A sandbox without name spaces of its own shows the processes of the machine that it is on.
    const { sinceS: _, ...bare } = boots;
    const { name, image, proof } = inputs;
    const told = { name, image, proof, boots: isEmbedded(run.backend) ? bare : boots };
    return await prove(connection, told, run.signal);
  } finally {
    await connection.close();
  }
}

const GLANCE_S = 5;

/** The boot id of the system that is there now, before it is imaged; undefined where it does not let us ask. */
export async function glanceAtBootId(
  state: Partial<ImagedHostState> & Pick<ImagedHostInputs, "user">,
  run: UpRun,
): Promise<string | undefined> {
  const { address, sshPort, sshHostKey, user } = state;
  if (address === undefined || sshHostKey === undefined) return undefined;
  const target: SshTarget = {
    host: address,
    port: sshPort ?? 22,
    user,
    hostKey: sshHostKey,
    ...(await reachOf(run.backend)),
  };
  try {
    const connection = await connectSsh(target, { signal: run.signal, readyTimeoutS: GLANCE_S });
    try {
      return await bootIdOf(connection, run.signal);
    } finally {
      await connection.close();
    }
  } catch {
    run.signal.throwIfAborted();
    return undefined;
  }
}
