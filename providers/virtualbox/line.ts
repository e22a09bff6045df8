import { setMaxListeners } from "node:events";
import type { HostLock } from "./lock";

export interface Job<T> {
  work: () => Promise<T>;
  signal?: AbortSignal | undefined;
  /** Hears what it waits for. */
  tell: (message: string) => void;
}

interface Waiting {
  run: () => Promise<void>;
  drop: (reason: unknown) => void;
  signal?: AbortSignal | undefined;
  tell: (message: string) => void;
}

/** Calls to one host, one after another in the order in which they were made, under its lock. */
export class Line {
  readonly #lock: Pick<HostLock, "take" | "yield" | "release">;
  readonly #waiting: Waiting[] = [];
  #busy = false;

  constructor(lock: Pick<HostLock, "take" | "yield" | "release">) {
    this.#lock = lock;
  }

  enter<T>(job: Job<T>): Promise<T> {
    const { work, signal, tell } = job;
    return new Promise<T>((resolve, reject) => {
      if (signal?.aborted) return reject(signal.reason);
      // Who leaves the line need not wait for its front.
      const leave = () => reject(signal?.reason);
      // One listener for each call in the line, and many calls may be: no leak to warn of.
      if (signal) setMaxListeners(0, signal);
      signal?.addEventListener("abort", leave, { once: true });
      const settled =
        <V>(settle: (value: V) => void) =>
        (value: V) => {
          signal?.removeEventListener("abort", leave);
          settle(value);
        };
      const drop = settled<unknown>(reject);
      this.#waiting.push({ run: () => work().then(settled<T>(resolve), drop), drop, signal, tell });
      if (!this.#busy) void this.#drain();
    });
  }

  async #drain(): Promise<void> {
    this.#busy = true;
    for (let job = this.#waiting.shift(); job; job = this.#waiting.shift()) {
      if (job.signal?.aborted) continue;
      try {
        await this.#lock.take(job.signal, job.tell);
        await job.run();
        await this.#lock.yield();
      } catch (error) {
        job.drop(error);
      }
    }
    this.#lock.release();
    this.#busy = false;
  }
}
