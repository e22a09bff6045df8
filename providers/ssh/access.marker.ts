import type { SecretRef } from "../../stacks/config/types";
import type { AccessInputs, AccessState } from "./access";
import type { Password } from "./access.account";

/**
 * What stays on the machine about a password that we set, in a file that only root can read. The password itself is
 * nowhere: whether it is still ours is told by a digest of the crypted one.
 */
export interface Marker {
  /** Whose it is; see `keysMark`. */
  mark: string;
  machine: string;
  user: string;
  version: number;
  /**
   * Names the last password that we set or were about to set. The state holds the same only when the password in it
   * is that one.
   */
  serial: string;
  /** Absent until the password is set … */
  digest?: string;
  /** … and then this may be there, of the password that somebody else had set before. */
  before?: string;
}

export const markerPath = (user: string): string => `/etc/labplan/access/${user}.json`;

export const markerText = (marker: Marker): string => `${JSON.stringify(marker, undefined, 1)}\n`;

/** `damaged` for a file that nobody can make sense of. */
export function readMarker(text: string): Marker | "damaged" {
  let read: Partial<Record<keyof Marker, unknown>>;
  try {
    read = JSON.parse(text) as Partial<Record<keyof Marker, unknown>>;
  } catch {
    return "damaged";
  }
  if (read === null || typeof read !== "object") return "damaged";
  const { mark, machine, user, version, serial, digest, before } = read;
  const texts = [mark, machine, user, serial].every((one) => typeof one === "string");
  if (!texts || typeof version !== "number") return "damaged";
  if (!/^[0-9a-f]{1,64}$/.test(serial as string)) return "damaged";
  return {
    mark: mark as string,
    machine: machine as string,
    user: user as string,
    version,
    serial: serial as string,
    ...(typeof digest === "string" ? { digest } : {}),
    ...(typeof before === "string" ? { before } : {}),
  };
}

/** Which password is in force, as far as we can know it. */
export interface Held {
  version: number;
  serial: string;
  source: "generated" | SecretRef;
  /** Of the crypted one. */
  digest: string;
  generated?: string;
}

/**
 * The state's password, if it is the one on the machine. Undefined: it was never set, a change of it was begun and
 * is not in the state, or somebody else has set another. Then it is set again.
 */
export function heldPassword(
  marker: Marker | undefined,
  password: Password | undefined,
  state: AccessState | undefined,
): Held | undefined {
  if (!isInForce(marker, password) || marker?.serial !== state?.passwordSerial) return undefined;
  const { version, serial, digest = "" } = marker as Marker;
  const { passwordSource: source, generatedPassword: generated } = state as AccessState;
  if (source === undefined || (source === "generated" && generated === undefined)) return undefined;
  return { version, serial, source, digest, ...(generated === undefined ? {} : { generated }) };
}

/** Whether the password on the machine is the one that the marker tells of. */
export const isInForce = (marker: Marker | undefined, password: Password | undefined): boolean =>
  marker?.digest !== undefined && password?.set === true && marker.digest === password.digest;

/** Whether the password on the machine is one that we set, even by a run that was stopped before it could note that. */
export function isOurs(marker: Marker | undefined, password: Password | undefined): boolean {
  if (!marker || !password?.set) return false;
  return marker.digest === undefined ? marker.before !== password.digest : isInForce(marker, password);
}

/** Whether becoming root is needed at all: a user may put its own keys in order. */
export const needsRoot = (
  { user, login, password }: Pick<AccessInputs, "user" | "login" | "password">,
  known?: Pick<AccessState, "passwordSerial">,
): boolean => user !== login.user || password !== "none" || known?.passwordSerial !== undefined;
