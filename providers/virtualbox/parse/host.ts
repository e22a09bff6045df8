import { fieldOf, readBlocks } from "./blocks";

/** `Default machine folder` of `list systemproperties`. */
export const readMachineFolder = (text: string): string =>
  fieldOf(readBlocks(text, "API version").flat(), "Default machine folder");

/** IDs of `list ostypes`: `ID / Description: Debian_64 -- Debian (64-bit)`, and `ID:  Debian_64` before 7.2. */
export const readOsTypes = (text: string): string[] =>
  text.split(/\r?\n/).flatMap((line) => /^ID(?: \/ Description)?: +(\S+)/.exec(line)?.[1] ?? []);

/** Reads `getextradata … enumerate`; a value goes on until the next line that begins with `Key: `. */
export function readExtraData(text: string): Record<string, string> {
  const data: Record<string, string> = {};
  let key: string | undefined;
  for (const line of text.replace(/\r?\n$/, "").split(/\r?\n/)) {
    const found = /^Key: (.*?), Value: (.*)$/.exec(line);
    if (found) {
      key = found[1] ?? "";
      data[key] = found[2] ?? "";
    } else if (key !== undefined) {
      data[key] += `\n${line}`;
    }
  }
  return data;
}
