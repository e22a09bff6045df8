import { createHash } from "node:crypto";
import type { SecretRef } from "../../stacks/config/types";
import type { Directory } from "./client";
import { isFailure } from "./errors";
import type { Notes } from "./marks";
import type { UserState } from "./user";

/** Which password an entry has, as far as we can know it. */
export interface Held {
  /** Version in force; absent when it must be set. */
  version?: number;
  ref?: SecretRef;
  generated?: string;
  serial?: string;
}

/**
 * The state's password, if it is the one at the server. Hashes are never compared, they are salted; the serial on
 * the entry is written before each change, so one that the state does not know means that a change was begun and
 * its password is lost: set it again.
 */
export function heldPassword(notes: Notes, state: UserState | undefined): Held {
  if (notes.lock === "done") return {};
  const ref = state?.password ? { ref: state.password } : {};
  if (!notes.passwordSerial)
    // An adopted entry keeps its owner's password, as version 1, until a higher one is asked for.
    return notes.adopted ? { version: state?.appliedPasswordVersion ?? 1, ...ref } : {};
  if (notes.passwordSerial !== state?.passwordSerial) return {};
  const { appliedPasswordVersion: version, generatedPassword: generated } = state;
  return {
    ...(version === undefined ? {} : { version }),
    ...ref,
    ...(generated === undefined ? {} : { generated }),
    serial: notes.passwordSerial,
  };
}

/** Set a password by the server's own operation; a hash of our own only where it has none. */
export async function setPassword(
  directory: Directory,
  dn: string,
  password: string,
  random: (bytes: number) => Buffer,
): Promise<void> {
  try {
    await directory.setPassword(dn, password);
  } catch (error) {
    if (!isFailure(error, "refused") || (await directory.offersPasswordModify())) throw error;
    const values = [saltedHash(password, random(8))];
    await directory.modify(dn, [{ operation: "replace", attribute: "userPassword", values }]);
  }
}

/** `{SSHA}`: the only salted scheme that every OpenLDAP checks. */
export function saltedHash(password: string, salt: Buffer): string {
  const digest = createHash("sha1").update(password, "utf8").update(salt).digest();
  return `{SSHA}${Buffer.concat([digest, salt]).toString("base64")}`;
}
