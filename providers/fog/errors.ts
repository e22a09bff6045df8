import { BackendError } from "../core/errors";

/** What an answer, or none, of a FOG server means for us. */
export type FogReason =
  | "unauthorized"
  | "forbidden"
  | "disabled"
  | "not-found"
  | "conflict"
  | "refused"
  | "server"
  | "unreachable"
  | "timeout"
  | "protocol";

/**
 * A call to a FOG server that failed. Answers hold secrets (storage nodes' passwords, domain passwords, product keys),
 * so neither the message nor the cause ever has one in it: only the text of a JSON `error`.
 */
export class FogError extends BackendError {
  override readonly name: string = "FogError";
  /** HTTP status; 0 where there was no answer, or the call was not made. */
  readonly status: number;
  /** The server's own words, where it gave any. */
  readonly said: string;
  /** It may be gone in a moment: nobody listened, or a proxy had nobody to ask. */
  readonly passing: boolean;

  constructor(
    readonly reason: FogReason,
    message: string,
    facts: { status?: number; said?: string; passing?: boolean } = {},
    options?: ErrorOptions,
  ) {
    super(message, options);
    this.status = facts.status ?? 0;
    this.said = facts.said ?? "";
    this.passing = facts.passing ?? false;
  }
}

export const isFog = (error: unknown, ...reasons: FogReason[]): error is FogError =>
  error instanceof FogError && (reasons.length === 0 || reasons.includes(error.reason));

/** After these nobody knows whether the server did what it was asked: look before asking again. */
export const isInDoubt = (error: unknown): error is FogError =>
  isFog(error, "server", "timeout", "unreachable");
