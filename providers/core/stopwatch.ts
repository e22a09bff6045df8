import { setTimeout as sleep } from "node:timers/promises";
import type { Run } from "./definition";

/** Seconds that have passed, and a sleep that ends with the run. */
export interface Stopwatch {
  elapsedS(): number;
  /** Rejects when the engine goes away. */
  pause(ms: number): Promise<void>;
}

export function stopwatch(run: Pick<Run, "now" | "signal">): Stopwatch {
  const start = run.now().getTime();
  return {
    elapsedS: () => (run.now().getTime() - start) / 1000,
    pause: (ms) => sleep(ms, undefined, { signal: run.signal }),
  };
}
