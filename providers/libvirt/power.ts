import type { Run } from "../core/definition";
import { LabError } from "../core/errors";
import { type DomainPower, type DomainRef, ERROR, type LibvirtClient } from "./client";
import { isGone } from "./clients";
import { stopwatch } from "./clock";
import { hasCode } from "./rpc/errors";

/** The guest runs, or is held in the middle of running. */
export const isUp = (power: DomainPower): boolean => power !== "shutoff" && power !== "crashed";

/**
 * How long a guest gets to shut down by itself before its power is cut. Long enough for a busy system; one that does
 * not listen to the power button costs it all. `LABPLAN_SHUTDOWN_S` overrides it.
 */
export const SHUTDOWN_S = 60;
/** On its way to being removed: enough to flush what a kept volume needs. */
export const REMOVAL_SHUTDOWN_S = 10;

export function shutdownLimitS(fallback: number, env: NodeJS.ProcessEnv = process.env): number {
  const given = Number(env.LABPLAN_SHUTDOWN_S);
  return env.LABPLAN_SHUTDOWN_S && Number.isFinite(given) && given >= 0 ? given : fallback;
}

const POLL_MS = 250;

async function powerOf(client: LibvirtClient, domain: DomainRef): Promise<DomainPower> {
  try {
    return await client.domainState(domain);
  } catch (error) {
    if (isGone(error)) return "shutoff"; // a transient one vanishes when it stops
    throw error;
  }
}

/** Shut the guest down; cut its power when it takes longer than `limitS`. Off already is success. */
export async function turnOff(
  client: LibvirtClient,
  domain: DomainRef,
  limitS: number,
  run: Pick<Run, "now" | "signal" | "progress">,
): Promise<void> {
  const power = await powerOf(client, domain);
  // A paused or crashed guest cannot listen.
  if (limitS > 0 && (power === "running" || power === "blocked")) {
    await client.domainShutdown(domain).catch((error: unknown) => {
      if (!isGone(error) && !hasCode(error, ERROR.operationInvalid)) throw error;
    });
    const watch = stopwatch(run);
    while (watch.elapsedS() < limitS && isUp(await powerOf(client, domain))) {
      run.progress(`waiting for ${domain.name} to shut down, ${Math.round(watch.elapsedS())} of ${limitS} s`);
      await watch.pause(POLL_MS);
    }
  }
  if (power !== "shutoff") await client.domainDestroy(domain);
}

/** Running afterwards: started, resumed, or left alone. */
export async function turnOn(client: LibvirtClient, domain: DomainRef): Promise<void> {
  const power = await client.domainState(domain);
  if (power === "crashed") await client.domainDestroy(domain);
  if (power === "paused") {
    await client.domainResume(domain);
    return;
  }
  if (power !== "shutoff" && power !== "crashed") return;
  try {
    await client.domainStart(domain);
  } catch (error) {
    if (hasCode(error, ERROR.operationInvalid) && isUp(await client.domainState(domain))) return; // somebody was faster
    throw new LabError(
      `domain "${domain.name}" is defined but does not start: ${(error as Error).message}. Once that is mended, "pulumi up" resumes here.`,
      { cause: error },
    );
  }
}
