import { closest } from "../../stacks/config/suggest";
import { type Fields, given } from "../import/fields";
import type { Notes } from "../import/notes";

/** The known keys of a map, misspelt ones put right; what is no key of LaaS is noted and left out. */
export function knownKeys(where: string, fields: Fields, known: readonly string[], notes: Notes): Fields {
  const read: Fields = given(Object.fromEntries(known.map((key) => [key, fields[key]])));
  for (const [key, value] of Object.entries(fields)) {
    if (known.includes(key)) continue;
    const meant = closest(key, known);
    if (meant !== undefined && !(meant in fields)) {
      notes.add(`${where}${key}`, `taken for ${meant}`);
      read[meant] = value;
    } else notes.add(`${where}${key}`, "no key of this LaaS file; not imported");
  }
  return read;
}
