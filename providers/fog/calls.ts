import { type Clock, sleep, systemClock } from "../ssh/clock";
import { isFog, isInDoubt } from "./errors";
import type { Row } from "./parse";
import type { FogServer } from "./server";

/** How one run reaches a server: its signal ends its calls, and it hears what they found. */
export interface Caller {
  signal?: AbortSignal;
  /** A line that stays in the run's output. */
  warn?: (message: string) => void;
  clock?: Clock;
}

export interface Calls {
  readonly label: string;
  record(path: string): Promise<Row | undefined>;
  list(path: string, plural: string): Promise<Row[]>;
  /** Sent once. */
  write(method: "POST" | "PUT" | "DELETE", path: string, body?: object): Promise<unknown>;
  pause(ms: number): Promise<void>;
  warn(message: string): void;
}

export function callsOf(server: FogServer, caller: Caller): Calls {
  const { signal, warn = () => {}, clock = systemClock } = caller;
  return {
    label: server.label,
    record: (path) => server.record(path, signal),
    list: (path, plural) => server.list(path, plural, signal),
    write: (method, path, body) => server.write({ method, path, ...(body && { body }) }, signal),
    pause: (ms) => sleep(clock, ms, signal),
    warn,
  };
}

/**
 * A write whose answer may be lost, or be no reason: `look` says whether it is done, and only when it certainly is
 * not is it sent once more. `done` gives what was written.
 */
export async function writeAndLook<T>(
  write: () => Promise<unknown>,
  look: () => Promise<T | undefined>,
): Promise<T | undefined> {
  for (let attempt = 1; ; attempt++) {
    try {
      await write();
      return await look();
    } catch (error) {
      if (!isInDoubt(error)) throw error;
      const done = await look().catch((second: unknown) => {
        // Not even a look gets through: the first error says more.
        throw isFog(second) ? error : second;
      });
      if (done !== undefined) return done;
      // What did not answer in time may still be at it.
      if (attempt === 2 || error.reason === "timeout") throw error;
    }
  }
}
