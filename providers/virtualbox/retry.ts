import { type Clock, sleep } from "../ssh/clock";
import { VirtualBoxError } from "./errors";

export interface RetryTools {
  clock: Clock;
  /** 0 to 1, exclusive. */
  random: () => number;
  signal?: AbortSignal | undefined;
}

/** How often a call is made in all. */
const ATTEMPTS = 5;
const FIRST_PAUSE_MS = 200;
const LONGEST_PAUSE_MS = 3_000;

/** Repeat what failed with a text that is known to pass. Nothing else: an error that stays is told at once. */
export async function retried<T>(work: () => Promise<T>, tools: RetryTools): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await work();
    } catch (error) {
      const passing = error instanceof VirtualBoxError && error.failure === "retryable";
      if (!passing || attempt === ATTEMPTS) throw error;
      await sleep(tools.clock, pauseMs(attempt, tools.random()), tools.signal);
    }
  }
}

/** 0.2 to 3 s: doubled each time, and spread so that two who met do not meet again. */
export function pauseMs(attempt: number, chance: number): number {
  const longest = Math.min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS * 3 ** attempt);
  return Math.round(FIRST_PAUSE_MS + chance * (longest - FIRST_PAUSE_MS));
}
