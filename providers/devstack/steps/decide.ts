import type { Polled, PolledRun } from "../poll";

export interface Limits {
  timeoutS: number;
  silenceS: number;
}

/**
 * What is to be done about stack.sh.
 * - `done`: it stands as it is wanted
 * - `follow`: a run with these very settings goes on
 * - `undo`: something else was begun or stands, and is taken back first; `why` for the user
 * - `start`: nothing stands
 */
export type Decision = { do: "done" | "follow" | "start" } | { do: "undo"; why: string };

export const isLive = (run: PolledRun | undefined): run is PolledRun & { state: "running" | "orphans" } =>
  run?.state === "running" || run?.state === "orphans";

/** A run that nobody hopes for any more. */
export function overdue(run: PolledRun, now: number, limits: Limits): "silent" | "long" | undefined {
  if (now - Math.max(run.heard, run.begun) > limits.silenceS) return "silent";
  return now - run.begun > limits.timeoutS ? "long" : undefined;
}

export function decide(polled: Polled, digest: string, limits: Limits): Decision {
  const { run } = polled;
  if (isLive(run) && run.script === "stack.sh") {
    if (run.state === "orphans")
      return { do: "undo", why: "its runner was killed; what it had started is ended" };
    if (run.digest !== digest) return { do: "undo", why: "it runs with other settings, and is ended" };
    const late = overdue(run, polled.now, limits);
    if (late) return { do: "undo", why: `it is ${late === "silent" ? "stuck" : "overdue"}, and is ended` };
    return { do: "follow" };
  }
  if (isLive(run)) return { do: "undo", why: `${run.script} is running` };
  if (polled.stacked === digest && polled.clone) return { do: "done" };
  if (!polled.dirty) return { do: "start" };
  if (polled.stacked === digest) return { do: "undo", why: "its clone of devstack is gone" };
  if (polled.stacked !== undefined) return { do: "undo", why: "it is stacked with other settings" };
  const how = run?.script === "stack.sh" && run.code !== undefined ? "failed" : "did not come to its end";
  return { do: "undo", why: `the last stack.sh ${how}` };
}

/** Seconds without a sign of who follows a run after which it is taken for gone: it looks every few seconds. */
export const STALE_S = 12;

/** Somebody else follows the run, and may still be there. */
export const isFollowed = (polled: Polled, me: string): boolean =>
  isLive(polled.run) &&
  polled.follower !== undefined &&
  polled.follower.name !== me &&
  polled.now - polled.follower.at <= STALE_S;
