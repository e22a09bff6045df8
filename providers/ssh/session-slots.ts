/** sshd's MaxSessions is 10 by default: commands wait for their turn below it, so that files and streams fit too. */
const SLOTS = 6;

/** First come, first served. */
export class SessionSlots {
  #free = SLOTS;
  readonly #queue: (() => void)[] = [];

  /** Wait for a slot; the returned function gives it back. */
  async enter(signal: AbortSignal): Promise<() => void> {
    signal.throwIfAborted();
    if (this.#free > 0) this.#free--;
    else
      await new Promise<void>((resolve, reject) => {
        const take = () => {
          signal.removeEventListener("abort", stop);
          resolve();
        };
        const stop = () => {
          this.#queue.splice(this.#queue.indexOf(take), 1);
          reject(signal.reason);
        };
        this.#queue.push(take);
        signal.addEventListener("abort", stop, { once: true });
      });
    let held = true;
    return () => {
      if (!held) return;
      held = false;
      const next = this.#queue.shift();
      if (next) next();
      else this.#free++;
    };
  }
}
