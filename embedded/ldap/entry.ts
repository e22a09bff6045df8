import { dnKey } from "../../providers/ldap/dn";
import { CODE, refuse } from "./codes";
import type { EditRequest } from "./messages";
import { attributeType, sameValue } from "./schema";

/** Attribute values of an entry, by the lower-case name of the type. */
export type Values = Map<string, string[]>;

export interface Entry {
  /** In the spelling of whoever added it. */
  dn: string;
  values: Values;
}

/** What a client may write, with values in the attribute's syntax. */
export function writableType(name: string, values: readonly string[], policyKnown: boolean): string {
  const type = attributeType(name);
  if (!type || (type.policy && !policyKnown))
    return refuse(CODE.undefinedAttributeType, `${name}: attribute type undefined`);
  if (type.readOnly) refuse(CODE.constraintViolation, `${type.name}: no user modification allowed`);
  values.forEach((value, index) => {
    if (!inSyntax(type.matching, value))
      refuse(CODE.invalidAttributeSyntax, `${type.name}: value #${index} invalid per syntax`);
  });
  return type.name.toLowerCase();
}

function inSyntax(matching: string, value: string): boolean {
  if (value === "") return false;
  if (matching === "time") return /^\d{10}(?:\d{2}){0,2}(?:[.,]\d+)?(?:Z|[+-]\d{4})$/u.test(value);
  if (matching !== "dn") return true;
  try {
    dnKey(value);
    return true;
  } catch {
    return false;
  }
}

/** Apply one edit to a copy of an entry's values. */
export function applyEdit(values: Values, { operation, values: given }: EditRequest, key: string): void {
  const name = attributeType(key)?.name ?? key;
  const present = values.get(key) ?? [];
  const has = (value: string) => present.some((one) => sameValue(key, one, value));
  if (operation === "add") {
    given.forEach((value, index) => {
      if (has(value))
        refuse(CODE.attributeOrValueExists, `modify/add: ${name}: value #${index} already exists`);
    });
    values.set(key, [...present, ...given]);
    return;
  }
  if (operation === "replace") {
    if (given.length > 0) values.set(key, given);
    else values.delete(key);
    return;
  }
  if (present.length === 0) refuse(CODE.noSuchAttribute, `modify/delete: ${name}: no such attribute`);
  for (const value of given)
    if (!has(value)) refuse(CODE.noSuchAttribute, `modify/delete: ${name}: no such value`);
  const left = given.length === 0 ? [] : present.filter((one) => !given.some((v) => sameValue(key, one, v)));
  if (left.length > 0) values.set(key, left);
  else values.delete(key);
}

/** `20261224180000Z` */
export const generalizedTime = (at: Date): string =>
  at.toISOString().replace(/[-:T]/gu, "").replace(/\.\d+/u, "");

/** Milliseconds since 1970 of a generalized time; seconds and minutes may be left out. */
export function parseGeneralizedTime(text: string): number {
  const match = /^(\d{4})(\d{2})(\d{2})(\d{2})(\d{2})?(\d{2})?(?:[.,]\d+)?Z$/u.exec(text);
  if (!match) return Number.NaN;
  const [year, month, day, hour, minute, second] = match.slice(1).map((digits) => Number(digits ?? 0));
  return Date.UTC(year ?? 0, (month ?? 1) - 1, day, hour, minute, second);
}
