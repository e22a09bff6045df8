import { BackendError } from "../core/errors";

/** A cloud refused, or could not be asked. `status` is that of its answer, where there was one. */
export class OpenStackError extends BackendError {
  override readonly name = "OpenStackError";

  constructor(
    message: string,
    /** HTTP status. */
    readonly status?: number,
    /** In the cloud's own words. */
    readonly what?: string,
    options?: ErrorOptions,
  ) {
    super(message, options);
  }

  /** It may go well the next time: no answer, or one of a server that is busy. */
  get passing(): boolean {
    return this.status === undefined || this.status === 429 || (this.status >= 500 && this.status !== 501);
  }
}

export const isGone = (error: unknown): boolean => error instanceof OpenStackError && error.status === 404;

/**
 * The reason in an error's answer. Each service has a shape of its own: `{"badRequest": {"message": …}}`,
 * `{"NeutronError": {"message": …}}`, `{"error": {"message": …}}`, `{"errors": [{"detail": …}]}`, or a page of HTML.
 */
export function reasonIn(body: string): string | undefined {
  let value: unknown;
  try {
    value = JSON.parse(body);
  } catch {
    return /<title>([^<]*)<\/title>/i.exec(body)?.[1]?.trim();
  }
  const found = messageIn(value, 0);
  return found?.replace(/\s+/g, " ").trim().slice(0, 500);
}

function messageIn(value: unknown, depth: number): string | undefined {
  if (depth > 3 || typeof value !== "object" || value === null) return undefined;
  for (const key of ["message", "detail"]) {
    const text = (value as Record<string, unknown>)[key];
    if (typeof text === "string") return text;
  }
  for (const inner of Object.values(value)) {
    const text = messageIn(inner, depth + 1);
    if (text !== undefined) return text;
  }
  return undefined;
}
