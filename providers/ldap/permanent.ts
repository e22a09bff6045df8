import { LabError } from "../core/errors";
import { currentSettings } from "../core/settings";
import { sameName } from "./dn";

/**
 * The names that are never created, changed, adopted or deleted: those in the resource, and those in the config as
 * it is now. Without the second, a user who is taken out of `users` and made permanent in one edit would be deleted.
 */
export function permanentNames(ofResource: readonly string[]): string[] {
  return [...ofResource, ...configured()];
}

let read: { text: string; names: string[] } | undefined;

function configured(): string[] {
  const text = currentSettings().configValue("vpn");
  if (!text) return [];
  if (read?.text !== text) read = { text, names: permanentIn(text) };
  return read.names;
}

function permanentIn(text: string): string[] {
  try {
    const { permanent } = JSON.parse(text) as { permanent?: unknown };
    return Array.isArray(permanent) ? permanent.filter((name) => typeof name === "string") : [];
  } catch {
    throw new LabError("labplan:vpn is not JSON, so it cannot be seen which users are permanent: stopped");
  }
}

/** Whole names, without regard to case: never a part of one. */
export const isPermanent = (permanent: readonly string[], ...names: readonly string[]): boolean =>
  permanent.some((one) => names.some((name) => sameName(one, name)));
