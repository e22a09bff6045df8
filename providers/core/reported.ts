import { same } from "./change";

/**
 * What `observe` says of one field (rule 6): nothing where the user set nothing; the user's own spelling where the
 * backend has what that asks for; what the backend has elsewhere. A running thing has two answers, and the one
 * that contradicts counts: a change that waits for a restart is a difference too.
 */
export function reported<T>(
  written: T | undefined,
  wanted: unknown,
  persistent: T | undefined,
  live: T | undefined = persistent,
): T | undefined {
  if (written === undefined) return undefined;
  if (!same(wanted, persistent)) return persistent;
  return same(wanted, live) ? written : live;
}

/** Without the fields that are undefined. */
export const pruned = <T extends object>(value: { [K in keyof T]: T[K] | undefined }): T =>
  Object.fromEntries(Object.entries(value).filter(([, field]) => field !== undefined)) as T;
