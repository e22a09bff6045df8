import { BackendError } from "../core/errors";

/**
 * Why a machine could not be switched.
 * - `login`: the BMC knows no such user, or the password is another one
 * - `rights`: the user may not do it
 * - `untrusted`: its certificate or host key is not the one that we were told of
 * - `name`: no address for its name
 * - `unreachable`: no answer
 * - `busy`: it asks to come again
 * - `server`: it failed inside
 * - `refused`: it says no
 * - `missing`: no such system, domain or machine
 * - `unable`: this kind of power cannot do it
 * - `program`: what it takes is not installed here
 * - `protocol`: what answers is no BMC
 * - `stuck`: the order was taken, and nothing came of it
 */
export type PowerFailure =
  | "login"
  | "rights"
  | "untrusted"
  | "name"
  | "unreachable"
  | "busy"
  | "server"
  | "refused"
  | "missing"
  | "unable"
  | "program"
  | "protocol"
  | "stuck";

/** A machine's switch did not work; `reason` is for code, the message for the user. Holds no user and no password. */
export class PowerError extends BackendError {
  override readonly name = "PowerError";
  constructor(
    readonly reason: PowerFailure,
    message: string,
    options?: ErrorOptions,
  ) {
    super(message, options);
  }
}

const PASSING: ReadonlySet<PowerFailure> = new Set(["unreachable", "busy", "server"]);

/** It may work in a moment. */
export const isPassing = (error: unknown): error is PowerError =>
  error instanceof PowerError && PASSING.has(error.reason);

export const isFailure = (error: unknown, ...reasons: PowerFailure[]): error is PowerError =>
  error instanceof PowerError && reasons.includes(error.reason);
