import { EqualityFilter } from "ldapts";
import type { Directory } from "./client";
import { isFailure } from "./errors";

/** When access ends, as a server with a password policy can enforce it. */
export const END_ATTRIBUTE = "pwdEndTime";
export const LOCK_ATTRIBUTE = "pwdAccountLockedTime";
/** Locked until an administrator unlocks (draft-behera-ldap-password-policy, 5.3.3). */
export const LOCKED_FOR_GOOD = "000001010000Z";

/** `2026-12-24T18:00Z` as `20261224180000Z` */
export const toGeneralizedTime = (instant: string): string =>
  new Date(instant).toISOString().replace(/[-:T]/gu, "").replace(/\.\d+/u, "");

/** `20261224180000Z` as `2026-12-24T18:00:00Z`; anything else unchanged. */
export const fromGeneralizedTime = (text: string): string =>
  text.replace(/^(\d{4})(\d{2})(\d{2})(\d{2})(\d{2})(\d{2})(?:[.,]\d+)?Z$/u, "$1-$2-$3T$4:$5:$6Z");

interface Abilities {
  /** Attributes of the password policy certainly exist in the schema. */
  known: boolean;
  /** Some password policy with a lockout can be seen: without one the server accepts them and does nothing. */
  policy: boolean;
}

const asked = new WeakMap<Directory, Promise<Abilities>>();

/** What the server makes of end dates; asked once for each process, and only where a user has one. */
export function abilitiesOf(directory: Directory): Promise<Abilities> {
  let answer = asked.get(directory);
  if (!answer) {
    answer = ask(directory);
    asked.set(directory, answer);
    answer.catch(() => asked.delete(directory));
  }
  return answer;
}

async function ask(directory: Directory): Promise<Abilities> {
  const dse = await directory.read("", ["subschemaSubentry", "namingContexts"]);
  const [subschema] = dse?.values("subschemaSubentry") ?? [];
  const types = subschema
    ? (await directory.read(subschema, ["attributeTypes"]))?.values("attributeTypes")
    : [];
  const known = types?.some((type) => new RegExp(`'${END_ATTRIBUTE}'`, "iu").test(type)) ?? false;
  if (!known) return { known, policy: false };
  const filter = new EqualityFilter({ attribute: "objectClass", value: "pwdPolicy" });
  for (const context of dse?.values("namingContexts") ?? []) {
    const policies = await directory
      .search(context, { scope: "sub", filter, attributes: ["pwdLockout"] })
      .catch((error: unknown) => {
        if (isFailure(error, "missing", "rights", "size-limit")) return [];
        throw error;
      });
    if (policies.some((policy) => policy.values("pwdLockout").some((value) => /^true$/iu.test(value))))
      return { known, policy: true };
  }
  return { known, policy: false };
}

/** Write a policy attribute; false when this server does not have it or does not let us. */
export async function trySet(
  directory: Directory,
  dn: string,
  attribute: typeof END_ATTRIBUTE | typeof LOCK_ATTRIBUTE,
  values: string[],
): Promise<boolean> {
  try {
    await directory.modify(dn, [{ operation: "replace", attribute, values }]);
    return true;
  } catch (error) {
    if (isFailure(error, "unknown-attribute", "rights", "policy", "schema")) return false;
    throw error;
  }
}
