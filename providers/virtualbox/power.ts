import { type Mark, markPrefix, type Run } from "../core/definition";
import { LabError } from "../core/errors";
import { SHUTDOWN_S, shutdownLimitS } from "../core/shutdown";
import { stopwatch } from "../core/stopwatch";
import { OFF, type Uuid, type VirtualBoxClient, VirtualBoxError, type VmPower } from "./client";

/** States that end by themselves, soon. */
const PASSING: ReadonlySet<VmPower> = new Set([
  "starting",
  "stopping",
  "saving",
  "restoring",
  "snapshotting",
  "restoringsnapshot",
  "deletingsnapshot",
  "settingup",
]);

/** The guest runs, or is held in the middle of running. */
export const isUp = (power: VmPower): boolean => !OFF.has(power);

const POLL_MS = 500;
const SETTLE_S = 120;

export interface Who {
  name: string;
  uuid: Uuid;
}

type PowerRun = Pick<Run, "now" | "signal" | "progress">;

/** The state once it has settled; `poweroff` for a machine that is gone. */
async function settled(client: VirtualBoxClient, { name, uuid }: Who, run: PowerRun): Promise<VmPower> {
  const watch = stopwatch(run);
  for (;;) {
    const power = (await client.power(uuid)) ?? "poweroff";
    if (!PASSING.has(power)) return power;
    if (watch.elapsedS() > SETTLE_S)
      throw new LabError(
        `machine "${name}" has been ${power} for ${SETTLE_S} s. Look at it in VirtualBox; "pulumi up" resumes here.`,
      );
    await watch.pause(POLL_MS);
  }
}

/**
 * Press the power button, and pull the plug when that takes longer than `limitS`. Off already is success. A saved state
 * is thrown away: the settings of a machine that has one are locked, too.
 */
export async function turnOff(
  client: VirtualBoxClient,
  machine: Who,
  limitS: number,
  run: PowerRun,
): Promise<void> {
  const power = await settled(client, machine, run);
  if (power === "saved" || power === "aborted-saved") return client.discardState(machine.uuid);
  if (!isUp(power)) return;
  // A paused or crashed guest cannot listen.
  if (limitS > 0 && power === "running") {
    await client.acpiPowerButton(machine.uuid);
    const watch = stopwatch(run);
    while (watch.elapsedS() < limitS && isUp(await settled(client, machine, run))) {
      run.progress(
        `waiting for ${machine.name} to shut down, ${Math.round(watch.elapsedS())} of ${limitS} s`,
      );
      await watch.pause(POLL_MS);
    }
  }
  if (isUp(await settled(client, machine, run))) await client.powerOff(machine.uuid);
  await settled(client, machine, run);
}

const restartNote = (client: VirtualBoxClient, folder: string, mark: Mark, uuid: Uuid): string =>
  client.join(folder, `${markPrefix(mark)}${uuid}.restart`);

/**
 * Do what needs the machine off, and start it again if it ran; also where the run that stopped it was killed since.
 */
export async function whileOff<T>(
  client: VirtualBoxClient,
  folder: string,
  machine: Who & { power: VmPower },
  run: PowerRun & Pick<Run, "mark">,
  work: () => Promise<T>,
): Promise<T> {
  const note = restartNote(client, folder, run.mark, machine.uuid);
  if (isUp(machine.power)) await client.putFile(note, "");
  if (machine.power !== "poweroff") await turnOff(client, machine, shutdownLimitS(SHUTDOWN_S), run);
  const result = await work();
  await startAgain(client, folder, machine, run);
  return result;
}

/** Start what a run stopped and could not start again. */
export async function startAgain(
  client: VirtualBoxClient,
  folder: string,
  machine: Who,
  run: PowerRun & Pick<Run, "mark">,
): Promise<void> {
  const note = restartNote(client, folder, run.mark, machine.uuid);
  if (!(await client.fileExists(note))) return;
  await turnOn(client, machine, run);
  await client.removeFile(note);
}

/** It runs, or is gone: nothing is owed to it. */
export const forgetRestart = (
  client: VirtualBoxClient,
  folder: string,
  uuid: Uuid,
  { mark }: Pick<Run, "mark">,
): Promise<void> => client.removeFile(restartNote(client, folder, mark, uuid));

/** Running afterwards: started, resumed, or left alone. */
export async function turnOn(client: VirtualBoxClient, machine: Who, run: PowerRun): Promise<void> {
  const power = await settled(client, machine, run);
  if (power === "running") return;
  if (power === "paused") return client.resume(machine.uuid);
  if (isUp(power)) await client.powerOff(machine.uuid); // a guru meditation
  try {
    await client.start(machine.uuid, { signal: run.signal });
  } catch (error) {
    if (!(error instanceof VirtualBoxError)) throw error;
    if ((await client.power(machine.uuid)) === "running") return; // somebody was faster
    throw new LabError(
      `machine "${machine.name}" is set up but does not start: ${error.message}. Its Logs folder says more; once that is mended, "pulumi up" resumes here.`,
      { cause: error },
    );
  }
}
