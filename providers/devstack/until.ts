import { type Clock, sleep, systemClock } from "../ssh/clock";
import { isPassing } from "./api";

/** How often it is looked, and how long for what is not the user's to say. */
export interface Patience {
  clock: Clock;
  /** Milliseconds before the second look; the pauses grow to ten times that. @default 200 */
  pollMs: number;
  /** Seconds that services and hypervisors get to come up after all are stacked: they report each 10 s. @default 90 */
  settleS: number;
  /** Seconds after which a nova-compute that runs and is not heard of is started anew. @default 10 */
  restartS: number;
  /** Seconds for a server to be gone after its removal. @default 120 */
  goneS: number;
}

export const patient = (more: Partial<Patience> = {}): Patience => ({
  ...{ clock: systemClock, pollMs: 200, settleS: 90, restartS: 10, goneS: 120 },
  ...more,
});

const LONGEST_PAUSE = 10;

export interface Wait {
  patience: Pick<Patience, "clock" | "pollMs">;
  timeoutS: number;
  signal: AbortSignal;
  onWait?(elapsedS: number): void;
  /** The error for a missed deadline. */
  late(): Error;
}

/** Look until there is an answer. An API that has a passing trouble is asked again; its trouble is told at the end. */
export async function until<T>(wait: Wait, look: () => Promise<T | undefined>): Promise<T> {
  const { clock, pollMs } = wait.patience;
  const start = clock.now();
  const end = start + wait.timeoutS * 1_000;
  for (let turn = 1; ; turn++) {
    wait.signal.throwIfAborted();
    let trouble: unknown;
    try {
      const found = await look();
      if (found !== undefined) return found;
    } catch (error) {
      if (!isPassing(error)) throw error;
      trouble = error;
    }
    const pause = pollMs * Math.min(turn, LONGEST_PAUSE);
    if (clock.now() + pause > end) throw trouble ?? wait.late();
    wait.onWait?.(Math.round((clock.now() - start) / 1_000));
    await sleep(clock, pause, wait.signal);
  }
}

/** Work on each, a few at a time; all are done, whatever becomes of one, and then the first error is thrown. */
export async function eachOf<T, R>(
  items: readonly T[],
  atOnce: number,
  work: (item: T) => Promise<R>,
): Promise<R[]> {
  const results: R[] = [];
  const errors: unknown[] = [];
  let next = 0;
  const worker = async () => {
    while (next < items.length) {
      const index = next++;
      try {
        results[index] = await work(items[index] as T);
      } catch (error) {
        errors.push(error);
      }
    }
  };
  await Promise.all(Array.from({ length: Math.min(atOnce, items.length) }, worker));
  if (errors.length > 0) throw errors[0];
  return results;
}
