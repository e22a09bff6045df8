import { type Clock, sleep } from "./clock";
import { SshError } from "./errors";

export interface Opening<C> {
  target: string;
  /** What for, as it follows "cannot": `run "ls"`. */
  what: string;
  signal: AbortSignal;
  ask: (done: (error: Error | undefined, channel: C) => void) => unknown;
  /** Close a channel that came after the abort. */
  drop: (channel: C) => unknown;
}

/**
 * Open a channel. `take` is called in the same tick: the server's answer, the command's exit and the close may all
 * sit in one packet, and ssh2 does not repeat events for listeners that come later.
 */
export function openChannel<C, T>(
  { target, what, signal, ask, drop }: Opening<C>,
  take: (channel: C) => T,
): Promise<T> {
  return new Promise((resolve, reject) => {
    const stop = () => reject(signal.reason);
    signal.addEventListener("abort", stop, { once: true });
    try {
      ask((error, channel) => {
        signal.removeEventListener("abort", stop);
        if (error) {
          const why = error.message.replace(/^\(SSH\) Channel open failure: /, "");
          reject(new SshError(target, "channel", `cannot ${what}: ${why}.`, { cause: error }));
        } else if (signal.aborted) drop(channel);
        else resolve(take(channel));
      });
    } catch (cause) {
      reject(new SshError(target, "lost", `cannot ${what}: the SSH connection is closed.`, { cause }));
    }
  });
}

/** CHANNEL_OPEN_FAILURE for "connect failed" and "resource shortage", RFC 4254 section 5.1. */
const PERHAPS_FULL = [2, 4];
const RETRIES_MS = [20, 40, 80, 160, 320, 640, 1_280];

/**
 * Open a session channel. sshd counts a session for a moment longer than its channel lives, and answers "open failed"
 * when it has MaxSessions of them; nothing has been run then, so asking again is safe.
 */
export async function openSession<C, T>(
  opening: Opening<C>,
  clock: Clock,
  take: (channel: C) => T,
): Promise<T> {
  for (const pause of RETRIES_MS) {
    try {
      return await openChannel(opening, take);
    } catch (error) {
      const cause = error instanceof SshError ? (error.cause as { reason?: unknown } | undefined) : undefined;
      if (!PERHAPS_FULL.some((code) => code === cause?.reason)) throw error;
      await sleep(clock, pause, opening.signal);
    }
  }
  return openChannel(opening, take);
}
