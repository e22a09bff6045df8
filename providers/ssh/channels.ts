import type { ClientChannel } from "ssh2";
import type { Clock } from "./clock";
import { SshError } from "./errors";

/** How long a command that was told to end may take before it is killed outright. */
const KILL_AFTER_MS = 2_000;

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

export interface ExecResult {
  /** Exit code; null when a signal ended the command. */
  code: number | null;
  /** `SIGKILL` … when a signal ended it. */
  signal?: string;
  stdout: string;
  stderr: string;
}

/** Feed a command, and gather what it says until it ends. To be called as soon as the channel is open. */
export function gather(
  target: string,
  name: string,
  channel: ClientChannel,
  stdin: string | Uint8Array | undefined,
  maxBytes: number,
): Promise<ExecResult> {
  return new Promise((resolve, reject) => {
    const keep = (parts: Buffer[]) => {
      let size = 0;
      return (chunk: Buffer) => {
        size += chunk.length;
        if (size <= maxBytes) return parts.push(chunk);
        return reject(new SshError(target, "channel", `"${name}" wrote more than ${maxBytes} bytes.`));
      };
    };
    const stdout: Buffer[] = [];
    const stderr: Buffer[] = [];
    let end: { code: number | null; signal?: string } | undefined;
    channel.on("data", keep(stdout));
    channel.stderr.on("data", keep(stderr));
    channel.on("exit", (code: number | null, signal?: string) => {
      end = signal === undefined ? { code } : { code, signal };
    });
    channel.on("error", reject);
    channel.on("close", () => {
      const text = (parts: Buffer[]) => Buffer.concat(parts).toString("utf8");
      if (end) resolve({ ...end, stdout: text(stdout), stderr: text(stderr) });
      else
        reject(
          new SshError(
            target,
            "lost",
            `"${name}" ended without a status; whether it did its work is not known.`,
          ),
        );
    });
    if (stdin === undefined) channel.end();
    else channel.end(Buffer.from(stdin));
  });
}

/** Ask a command that nobody waits for to end, then make it, and close its channel. */
export function endCommand(channel: ClientChannel, clock: Clock, ended: AbortSignal): void {
  if (ended.aborted) return;
  channel.resume();
  channel.stderr.resume();
  const send = (signal: string) => {
    try {
      channel.signal(signal);
    } catch {
      // The channel closed in the meantime.
    }
  };
  const finish = () => {
    cancel();
    ended.removeEventListener("abort", finish);
    channel.close();
  };
  send("TERM");
  const cancel = clock.timer(KILL_AFTER_MS, () => {
    send("KILL");
    finish();
  });
  channel.on("close", finish);
  ended.addEventListener("abort", finish);
}
