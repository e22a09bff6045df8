/** Same content, same bytes: order that depends on nothing but the content. */

/** By UTF-16 code unit: no locale, so the same on every computer. */
export const byCodeUnit = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);

/** Keys of a record in a stable order. */
export const sortedKeys = (record: object): string[] => Object.keys(record).sort(byCodeUnit);

/** A value that a record itself holds; never one of Object.prototype, whatever a machine is called. */
export const own = <T>(record: Record<string, T> | undefined, key: string): T | undefined =>
  record && Object.hasOwn(record, key) ? record[key] : undefined;

/** Those of the fields that are given. */
export const given = <T extends object, K extends keyof T>(
  from: T,
  fields: readonly K[],
): { [F in K]?: Exclude<T[F], undefined> } =>
  Object.fromEntries(
    fields.flatMap((field) => (from[field] === undefined ? [] : [[field, from[field]]])),
  ) as { [F in K]?: Exclude<T[F], undefined> };

/** A deep copy with sorted keys and nothing undefined in it. */
export function stable<T>(value: T): T {
  if (Array.isArray(value))
    return value.map((item) => (item === undefined ? null : stable(item))) as unknown as T;
  if (value === null || typeof value !== "object") return value;
  const entries = sortedKeys(value).map((key) => [key, (value as Record<string, unknown>)[key]]);
  // fromEntries defines `__proto__` as a key like any other; an assignment would not.
  return Object.fromEntries(
    entries.flatMap(([key, field]) => (field === undefined ? [] : [[key, stable(field)]])),
  ) as T;
}
