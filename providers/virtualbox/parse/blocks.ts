/** One `Label:  value` of a list for people. */
export interface Field {
  /** Number of spaces before it. */
  indent: number;
  label: string;
  value: string;
  /** What stands under the value, one entry a line. */
  more: string[];
}

const FIELD = /^( *)([^:]+?):(?: +(.*?))? *$/;
/** Further entries are put under the first one, behind the longest label. */
const CONTINUED = /^ {14,}(\S.*)$/;

/** Splits a `list …` into things: each begins with a line of `first` at the margin. */
export function readBlocks(text: string, first: string): Field[][] {
  const blocks: Field[][] = [];
  for (const line of text.split(/\r?\n/)) {
    const continued = CONTINUED.exec(line)?.[1];
    const last = blocks.at(-1)?.at(-1);
    if (continued !== undefined && last) {
      last.more.push(continued);
      continue;
    }
    const found = FIELD.exec(line);
    if (!found) continue;
    const [, spaces = "", label = "", value = ""] = found;
    if (spaces === "" && label === first) blocks.push([]);
    blocks.at(-1)?.push({ indent: spaces.length, label, value, more: [] });
  }
  return blocks;
}

/** Value of the first field of that label; "" where there is none. */
export const fieldOf = (block: readonly Field[], label: string): string =>
  block.find((field) => field.label === label)?.value ?? "";

/** The value and what stands under it. */
export const entriesOf = (block: readonly Field[], label: string): string[] => {
  const field = block.find((one) => one.label === label);
  return field ? [field.value, ...field.more].filter((entry) => entry !== "") : [];
};
