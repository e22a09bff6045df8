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
