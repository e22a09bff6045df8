import { holdsUnknown, same, UNKNOWN } from "./change";
import type { OnMachine } from "./definition";
import { onMachine } from "./on-machine";

/**
 * Hidden input of what has to reach more machines than the one that it lives on, by their logical names: a mesh of
 * keys, a check between all pairs. Where they are reached is unknown in a preview of new ones.
 */
export type Peers = Record<string, OnMachine>;

/** As far as they are known. */
export function peersOf(properties: { __peers?: unknown }): Peers | undefined {
  const { __peers: peers } = properties;
  if (typeof peers !== "object" || peers === null) return undefined;
  return Object.fromEntries(
    Object.entries(peers as Peers).map(([name, peer]) => [name, onMachine({ __on: peer }) ?? {}]),
  );
}

/** One of them is not there yet. */
export const areAwaited = (properties: { __peers?: unknown }): boolean => holdsUnknown(properties.__peers);

/** Whether one came, went, or is reached in another way; what is not known yet is no difference. */
export function peersChanged(before: unknown, now: unknown): boolean {
  if (now === undefined || now === UNKNOWN) return false;
  const [old, wanted] = [(before ?? {}) as Peers, now as Peers];
  if (!same(Object.keys(old).sort(), Object.keys(wanted).sort())) return true;
  return Object.entries(wanted).some(([name, peer]) =>
    Object.entries(peer).some(
      ([field, value]) => value !== UNKNOWN && !same(value, old[name]?.[field as keyof OnMachine]),
    ),
  );
}
