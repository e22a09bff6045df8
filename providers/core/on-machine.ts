import type { BackendConfig } from "../../stacks/config/types";
import { holdsUnknown, UNKNOWN } from "./change";
import type { OnMachine } from "./definition";
import { BackendError } from "./errors";

/**
 * Hidden input of what lives on or in a declared machine. Its outputs are unknown in a preview of a new machine, or
 * of one that changes in any way, so what is planned of it is here as well.
 */
export interface On extends OnMachine {
  /** Key of the machine's resource; of the imaged host that a virtual machine is on, where there is one. */
  key: string;
  /** Gone with the machine: nobody has to log in there to remove it. */
  deletedWith: boolean;
  /** Where it is and what it is imaged with, as planned: another text is another system. */
  edition: string;
}

/** The output of a machine that says since when it is what it is. */
export const SINCE = "imagedAt";

/** As far as it is known; unknown fields are left out. */
export function onMachine(properties: { __on?: unknown }): OnMachine | undefined {
  const { __on: on } = properties;
  if (typeof on !== "object" || on === null) return undefined;
  const { address, sshPort, sshHostKey, since } = known(on as On);
  return {
    ...(address === undefined ? {} : { address }),
    ...(sshPort === undefined ? {} : { sshPort }),
    ...(sshHostKey === undefined ? {} : { sshHostKey }),
    ...(since === undefined ? {} : { since }),
  };
}

const known = (on: On): Partial<On> =>
  Object.fromEntries(Object.entries(on).filter(([, value]) => value !== UNKNOWN && value !== null));

/** The name of the machine in messages. */
export const machineName = (on: Partial<Pick<On, "key">>): string =>
  on.key?.split(" ").slice(1).join(" ") ?? "its machine";

/** A backend whose host is a declared machine, with that machine's address and key in the place of its name. */
export function atMachine(backend: BackendConfig, on: OnMachine | undefined): BackendConfig {
  if (backend?.kind !== "libvirt" || backend.machine === undefined || on?.address === undefined)
    return backend;
  const host = on.address.includes(":") ? `[${on.address}]` : on.address;
  const port = on.sshPort === undefined || on.sshPort === 22 ? "" : `:${on.sshPort}`;
  return {
    ...backend,
    uri: backend.uri.replace(/^([a-z+]+:\/\/(?:[^@/]*@)?)[^/?]*/, `$1${host}${port}`),
    ...(on.sshHostKey === undefined ? {} : { hostKey: on.sshHostKey }),
  };
}

/** Nothing is asked at a place whose address nobody knows. */
export function refuseUnplaced(backend: BackendConfig, on: OnMachine | undefined): void {
  if (backend?.kind === "libvirt" && backend.machine !== undefined && on?.address === undefined)
    throw new BackendError(
      `it is on machine "${backend.machine}", whose address is not known. Is that machine up? "pulumi up" carries on from here.`,
    );
}

export interface OnChange {
  /** What was on the machine is not there any more. */
  anew: boolean;
  /** For the preview; none where only the way to the machine is another one. */
  sentence?: string;
}

/** What an edit or a new imaging of its machine means for what is on it; undefined for nothing. */
export function onChange(before: unknown, now: unknown): OnChange | undefined {
  // Only the engine makes all of it unknown, when it asks what goes down with a replaced machine.
  if (now === UNKNOWN) return { anew: true };
  if (typeof now !== "object" || now === null) return undefined;
  const [old, on] = [(before ?? {}) as Partial<On>, now as On];
  const name = machineName(on);
  const sinceIsKnown = on.since !== UNKNOWN;
  if (sinceIsKnown && old.since !== undefined && on.since !== undefined && on.since !== old.since)
    return { anew: true, sentence: `${name} was imaged anew at ${on.since}: made again there` };
  if (!sinceIsKnown && old.edition !== undefined && on.edition !== old.edition)
    return { anew: true, sentence: `${name} is imaged anew: made again there` };
  const differs = (["key", "edition", "address", "sshPort", "sshHostKey", "since"] as const).some(
    (field) => on[field] !== UNKNOWN && on[field] !== old[field],
  );
  return differs ? { anew: false } : undefined;
}

/** Something of the machine is not known before it is made or imaged. */
export const isAwaited = (properties: { __on?: unknown }): boolean => holdsUnknown(properties.__on);

type Places = { __on?: unknown; __peers?: unknown };

/** Where something stands before an edit of it: in a preview, an edit of its machine makes that unknown. */
export function asItStands<P extends Places>(news: P, olds: Places): P {
  const [on, old] = [news.__on, olds.__on] as (Partial<On> | undefined)[];
  const isMoved = old !== undefined && on?.key !== old.key;
  return {
    ...news,
    __on: isMoved ? old : lastKnown(on, old),
    __peers: lastKnown(news.__peers, olds.__peers),
  };
}

/** What is not known yet is as it was. */
function lastKnown(now: unknown, before: unknown): unknown {
  if (!holdsUnknown(now) || before === undefined) return now;
  if (typeof now !== "object" || now === null || typeof before !== "object" || before === null) return before;
  return Object.fromEntries(
    Object.entries(now).map(([key, value]) => [
      key,
      lastKnown(value, (before as Record<string, unknown>)[key]),
    ]),
  );
}

/** Machine → since when it is what it is, as last heard in this run. */
const heard = new Map<string, string>();

export function hear(key: string, since: unknown): void {
  if (typeof since === "string" && since !== UNKNOWN) heard.set(key, since);
}

/** What goes down in this run with the machine that it is on, by resource. */
const goingDown = new Set<string>();

/** The engine asks what goes down with a replaced machine; it honours `deletedWith` only where that is removed for good. */
export function goesDown(key: string, before: unknown): void {
  if ((before as Partial<On> | undefined)?.deletedWith) goingDown.add(key);
}

/** It was on a machine that is imaged anew since, or gives up all that it has: there is nothing to remove. */
export function isWipedOut(key: string, properties: { __on?: unknown }): boolean {
  const { __on: on } = properties as { __on?: Partial<On> };
  if (on !== undefined && goingDown.delete(key)) return true;
  const since = on?.key === undefined ? undefined : heard.get(on.key);
  return since !== undefined && on?.since !== undefined && on.since !== since;
}
