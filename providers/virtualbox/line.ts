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
      const entry: Waiting = { run: () => work().then(resolve, reject), drop: reject, signal, tell };
      // Who leaves the line need not wait for its front.
      signal?.addEventListener("abort", () => reject(signal.reason), { once: true });
      this.#waiting.push(entry);
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
