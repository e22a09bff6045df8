import { type Calls, writeAndLook } from "./calls";
import { FogError } from "./errors";
import { sameText } from "./parse";

/** One field of ours, and what it is called in the server. */
export interface Field<T> {
  name: Exclude<keyof T & string, "id">;
  /** Name in FOG's answers and calls. */
  key: string;
}

type Value = string | number | boolean | readonly string[] | undefined;

const same = (a: Value, b: Value): boolean =>
  typeof a === "string" && typeof b === "string" ? sameText(a, b) : a === b;

/** As FOG's own page sends it. */
export const wireOf = (value: Value): string =>
  typeof value === "boolean" ? (value ? "1" : "0") : String(value ?? "");

/**
 * Each field that differs in a PUT of its own, then read again: a whole object is refused ("No viable macs"), and a
 * body that the server could not read is answered with 200 and changes nothing.
 */
export async function putFields<T extends { id: number }>(
  calls: Calls,
  what: { path: string; text: string; fields: readonly Field<T>[]; read(): Promise<T | undefined> },
  change: Partial<T>,
): Promise<T> {
  let now = await there(calls, what);
  for (const { name, key } of what.fields) {
    const wanted = change[name] as Value;
    if (wanted === undefined || same(now[name] as Value, wanted)) continue;
    const isDone = async () => {
      const after = await there(calls, what);
      return same(after[name] as Value, wanted) ? after : undefined;
    };
    const after = await writeAndLook(() => calls.write("PUT", what.path, { [key]: wireOf(wanted) }), isDone);
    if (!after)
      throw new FogError(
        "refused",
        `${calls.label}: ${what.text}: it answered that its ${key} is set, and shows another value. Look at it in FOG's web page.`,
      );
    now = after;
  }
  return now;
}

async function there<T>(calls: Calls, what: { text: string; read(): Promise<T | undefined> }): Promise<T> {
  const found = await what.read();
  if (found === undefined)
    throw new FogError("not-found", `${calls.label}: ${what.text} does not exist any more.`);
  return found;
}
