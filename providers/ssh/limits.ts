import { setMaxListeners } from "node:events";
import type { Clock } from "./clock";

export interface Limits {
  clock: Clock;
  deadlineS: number;
  /** The error for a missed deadline. */
  late: () => Error;
  signals: readonly (AbortSignal | undefined)[];
}

/**
 * Run `work` under a deadline and some signals. The first that ends rejects the call at once with its reason, and
 * aborts the signal that `work` was given, so that it can clear up behind it.
 */
export async function within<T>(limits: Limits, work: (signal: AbortSignal) => Promise<T>): Promise<T> {
  const controller = new AbortController();
  const { signal } = controller;
  const undo = [limits.clock.timer(limits.deadlineS * 1_000, () => controller.abort(limits.late()))];
  for (const outer of limits.signals) {
    if (!outer) continue;
    // One listener for each call under way, and many calls may be: no leak to warn of.
    setMaxListeners(0, outer);
    const stop = () => controller.abort(outer.reason);
    if (outer.aborted) stop();
    outer.addEventListener("abort", stop);
    undo.push(() => outer.removeEventListener("abort", stop));
  }
  try {
    signal.throwIfAborted();
    return await Promise.race([work(signal), aborted(signal)]);
  } finally {
    for (const action of undo) action();
  }
}

const aborted = (signal: AbortSignal): Promise<never> =>
  new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal.reason), { once: true }));
