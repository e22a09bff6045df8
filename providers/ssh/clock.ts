/** Time as the SSH code sees it, so that tests can run minutes in milliseconds. */
export interface Clock {
  /** Milliseconds on any scale that only grows. */
  now(): number;
  /** Run `action` once after `ms`; the returned function cancels it. */
  timer(ms: number, action: () => void): () => void;
}

export const systemClock: Clock = {
  now: () => performance.now(),
  timer(ms, action) {
    const handle = setTimeout(action, ms);
    return () => clearTimeout(handle);
  },
};

/** Wait; rejects with the signal's reason as soon as it aborts. */
export function sleep(clock: Clock, ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted) return reject(signal.reason);
    const stop = () => {
      cancel();
      reject(signal?.reason);
    };
    const cancel = clock.timer(ms, () => {
      signal?.removeEventListener("abort", stop);
      resolve();
    });
    signal?.addEventListener("abort", stop, { once: true });
  });
}
