import { BackendError } from "../core/errors";

/**
 * Why SSH did not work.
 * - `refused`: the host answered, nothing listens on the port
 * - `unreachable`: no route, no such name, or the bastion could not get there
 * - `timeout`: no answer in time, or a server that says nothing
 * - `host-key`: the key is unknown, changed or revoked
 * - `login`: the server took none of our keys
 * - `no-key`: we have no key to offer
 * - `protocol`: what answers is no SSH server, or has no algorithm in common with us
 * - `lost`: the connection broke
 * - `channel`: the connection stands, and the server would not open what was asked for
 */
export type SshFailure =
  | "refused"
  | "unreachable"
  | "timeout"
  | "host-key"
  | "login"
  | "no-key"
  | "protocol"
  | "lost"
  | "channel";

/** SSH to `target` did not work; `reason` is for code, the message for the user. */
export class SshError extends BackendError {
  readonly target: string;
  readonly reason: SshFailure;

  constructor(target: string, reason: SshFailure, message: string, options?: ErrorOptions) {
    super(`${target}: ${message}`, options);
    this.target = target;
    this.reason = reason;
  }
}
