import { DeadlineError } from "../core/errors";
import { connectSsh, proveHostKey } from "./client";
import { type Clock, sleep, systemClock } from "./clock";
import { SshError } from "./errors";
import { type SshTarget, targetName } from "./target";

export interface WaitOptions {
  /** Seconds until it is given up. */
  timeoutS: number;
  signal?: AbortSignal;
  /** Called after each attempt that failed, with the reason in few words. */
  onProgress?: (message: string) => void;
  /**
   * Seconds from the first refused login in which logins may still be refused: sshd is up before cloud-init has put
   * the keys in place. @default 60
   */
  loginGraceS?: number;
  clock?: Clock;
}

const PAUSE_MS = 1_000;
/** Short, because packets to a machine without an address yet are lost, and TCP's own repeats get rarer and rarer. */
const CONNECT_SLICE_S = 4;
/** Less is no attempt. */
const LEAST_SLICE_S = 0.05;
/** Long enough for the key exchange of an emulated, busy guest. */
const READY_SLICE_S = 30;

/**
 * Wait until a host that is booting lets us in; without a `user`, until it has proven its host key. A wrong host key,
 * a refused login after the grace period and a key of ours that cannot be used end the wait at once.
 */
export async function waitForSsh(target: SshTarget, options: WaitOptions): Promise<void> {
  const { timeoutS, signal, onProgress, loginGraceS = 60, clock = systemClock } = options;
  const started = clock.now();
  const end = started + timeoutS * 1_000;
  let firstRefusal: number | undefined;
  let last: SshError | undefined;

  for (;;) {
    signal?.throwIfAborted();
    const leftS = (end - clock.now()) / 1_000;
    if (leftS < LEAST_SLICE_S) throw tooLate(target, timeoutS, last);
    let failure: SshError;
    try {
      await attempt(target, {
        clock,
        readyTimeoutS: Math.min(READY_SLICE_S, leftS),
        connectTimeoutS: Math.min(CONNECT_SLICE_S, leftS),
        ...(signal && { signal }),
      });
      return;
    } catch (error) {
      if (!(error instanceof SshError)) throw error;
      failure = error;
    }
    // An attempt that was cut short by the end says less than the one before.
    if (!last || failure.reason !== "timeout" || leftS >= CONNECT_SLICE_S) last = failure;
    if (failure.reason === "login") firstRefusal ??= clock.now();
    const graceOver = firstRefusal !== undefined && clock.now() - firstRefusal >= loginGraceS * 1_000;
    if (isFinal(target, failure, graceOver)) throw failure;
    onProgress?.(
      `waiting for SSH: ${IN_SHORT[failure.reason]}, ${Math.round((clock.now() - started) / 1_000)} s`,
    );
    await sleep(clock, Math.min(PAUSE_MS, Math.max(0, end - clock.now())), signal);
  }
}

const IN_SHORT = {
  refused: "port closed",
  unreachable: "not reachable",
  timeout: "no answer",
  "host-key": "wrong host key",
  login: "login refused",
  "no-key": "no key",
  protocol: "not SSH",
  lost: "connection closed",
  channel: "channel refused",
} as const satisfies Record<SshError["reason"], string>;

/** A jump host is not booting: what it refuses stays refused. */
function isFinal(target: SshTarget, error: SshError, graceOver: boolean): boolean {
  if (error.reason === "host-key" || error.reason === "no-key") return true;
  return error.reason === "login" && (graceOver || error.target !== targetName(target));
}

async function attempt(target: SshTarget, options: Parameters<typeof connectSsh>[1]): Promise<void> {
  if (target.user === undefined) {
    await proveHostKey(target, options);
    return;
  }
  const connection = await connectSsh(target, options);
  await connection.close();
}

function tooLate(target: SshTarget, timeoutS: number, last: SshError | undefined): DeadlineError {
  const what = target.user === undefined ? "SSH" : `SSH login as "${target.user}"`;
  const why = last ? last.message.replace(`${last.target}: `, "") : "it was not tried";
  return new DeadlineError(
    `${targetName(target)}: no ${what} within ${timeoutS} s; the last attempt said: ${why} Look at the machine's console.`,
    { cause: last },
  );
}
