import type { Run } from "../core/definition";
import { LabError } from "../core/errors";
import { stopwatch } from "../core/stopwatch";
import { type DomainPower, type DomainRef, ERROR, type LibvirtClient } from "./client";
import { isGone } from "./clients";
import { hasCode } from "./rpc/errors";

/** The guest runs, or is held in the middle of running. */
export const isUp = (power: DomainPower): boolean => power !== "shutoff" && power !== "crashed";

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
