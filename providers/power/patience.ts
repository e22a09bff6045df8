import { type Clock, sleep, systemClock } from "../ssh/clock";
import { within } from "../ssh/limits";
import { isFailure, isPassing, PowerError } from "./errors";
import type { PowerContext, PowerStatus } from "./power";

/** How long each call may take, and how often it looks. */
export interface Patience {
  clock: Clock;
  /** Seconds for a look at the state. @default 60 */
  statusS: number;
  /** Seconds until the new state must be there, for each of off and on. @default 180 */
  switchS: number;
  /** Seconds for the order to boot from the network. @default 90 */
  bootS: number;
  /** Seconds that a person has to get there. @default 1800 */
  handS: number;
  /** Seconds after which an order that was taken and not followed is given again. @default 20 */
  againS: number;
  /** Milliseconds between two looks. @default 1000 */
  pollMs: number;
  /** Milliseconds before what failed for a passing reason is tried again. @default 2000 */
  retryMs: number;
}

export const patient = (more: Partial<Patience> = {}): Patience => ({
  clock: systemClock,
  statusS: 60,
  switchS: 180,
  bootS: 90,
  handS: 1_800,
  againS: 20,
  pollMs: 1_000,
  retryMs: 2_000,
  ...more,
});

/** Whose switch it is, and how long we wait for it. */
export interface Waiting {
  context: PowerContext;
  patience: Patience;
  /** What carries out the orders, for messages: `BMC bmc1.example`, `domain "w1"`. */
  peer: string;
}

/** Single attempts; each fails with a `PowerError`. */
export interface RawSwitch {
  look(signal: AbortSignal): Promise<PowerStatus>;
  press(want: "on" | "off", signal: AbortSignal): Promise<void>;
}

const about = ({ context, peer }: Waiting): string => `${context.name}: ${peer}`;

/** Try until it works, as long as it fails for reasons that pass. */
export async function persist<T>(
  waiting: Waiting,
  deadlineS: number,
  what: string,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const { context, patience } = waiting;
  const { clock, retryMs } = patience;
  const end = clock.now() + deadlineS * 1_000;
  let last: PowerError | undefined;
  for (;;) {
    context.signal.throwIfAborted();
    const leftS = (end - clock.now()) / 1_000;
    if (leftS <= 0) throw last ?? silent(waiting, what, deadlineS);
    try {
      const late = () => last ?? silent(waiting, what, deadlineS);
      return await within({ clock, deadlineS: leftS, late, signals: [context.signal] }, work);
    } catch (error) {
      if (!isPassing(error) || error === last || clock.now() + retryMs >= end) throw error;
      last = error;
    }
    await sleep(clock, retryMs, context.signal);
  }
}

const silent = (waiting: Waiting, what: string, deadlineS: number): PowerError =>
  new PowerError(
    "unreachable",
    `${about(waiting)} did not ${what} within ${deadlineS} s. Is it up, and is this its address?`,
  );

/**
 * Switch, and wait until the new state is there. What is so already is left alone; an order that was taken and not
 * followed is given again, because a BMC that has just switched the other way drops it.
 */
export async function bring(waiting: Waiting, want: "on" | "off", raw: RawSwitch): Promise<void> {
  const { context, patience } = waiting;
  const { clock, switchS, againS, pollMs, retryMs } = patience;
  const start = clock.now();
  const end = start + switchS * 1_000;
  let pressedAt: number | undefined;
  let seen: PowerStatus = "unknown";
  /** Why the last look, and the last order, failed. */
  let blind: PowerError | undefined;
  let refused: PowerError | undefined;

  const late = () => blind ?? refused ?? stuck(waiting, want, pressedAt !== undefined, seen);
  const attempt = <T>(work: (signal: AbortSignal) => Promise<T>): Promise<T> => {
    const deadlineS = Math.max(0, (end - clock.now()) / 1_000);
    return within({ clock, deadlineS, late, signals: [context.signal] }, work);
  };
  const look = async (): Promise<boolean> => {
    try {
      seen = await attempt(raw.look);
      blind = undefined;
      return seen === want;
    } catch (error) {
      if (!isPassing(error)) throw error;
      blind = error;
      return false;
    }
  };
  const press = async (): Promise<void> => {
    try {
      await attempt((signal) => raw.press(want, signal));
      pressedAt = clock.now();
      refused = undefined;
    } catch (error) {
      // "Already so" is a refusal, too, where somebody was faster.
      if (!isPassing(error) && !(isFailure(error, "refused") && (await look()))) throw error;
      refused = error;
    }
  };

  for (;;) {
    context.signal.throwIfAborted();
    if (await look()) return;
    const isDue = pressedAt === undefined || clock.now() - pressedAt >= againS * 1_000;
    if (blind === undefined && isDue) await press();
    const pauseMs = blind || refused ? retryMs : pollMs;
    if (clock.now() + pauseMs >= end) throw late();
    const seconds = Math.round((clock.now() - start) / 1_000);
    const now = blind || refused ? "has trouble, trying again" : `says "${seen}"`;
    context.progress(`switching ${want}: ${waiting.peer} ${now}, ${seconds} of ${switchS} s`);
    await sleep(clock, pauseMs, context.signal);
  }
}

function stuck(waiting: Waiting, want: string, pressed: boolean, seen: PowerStatus): PowerError {
  const { switchS } = waiting.patience;
  const order = pressed ? `took the order to switch ${want} and` : `was to switch ${want}, and`;
  return new PowerError(
    "stuck",
    `${about(waiting)} ${order} still says "${seen}" after ${switchS} s. Look at the BMC's own page or at the machine; once it can be switched, "pulumi up" resumes here.`,
  );
}

/** Off, then on; only on, where it was off. `between` is done while it is off. */
export async function offAndOn(
  waiting: Waiting,
  raw: RawSwitch,
  between: () => Promise<void> = async () => {},
): Promise<void> {
  await bring(waiting, "off", raw);
  await between();
  await bring(waiting, "on", raw);
}
