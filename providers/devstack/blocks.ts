import type { Mark } from "../core/definition";

/**
 * Our lines in files that others write, too, stand between two comments that say whose they are:
 *
 *     # labplan begin k3v9q2x7/dev/lab: changes up to "end" are undone
 *     172.24.4.11 hv1
 *     # labplan end k3v9q2x7/dev/lab
 */
const BEGIN = /^# labplan begin (\S+?):?( |$)/;
const END = /^# labplan end (\S+)/;

/** Each part is safe in one word. */
export const blockMark = (mark: Mark): string =>
  [mark.lab, mark.stack, mark.name].map(encodeURIComponent).join("/");

/** What the marks of all blocks of one stack begin with. */
export const stackMarks = (mark: Mark): string => `${blockMark({ ...mark, name: "" })}`;

const blockOf = (mark: string, lines: readonly string[]): string[] => [
  `# labplan begin ${mark}: changes up to "end" are undone`,
  ...lines,
  `# labplan end ${mark}`,
];

interface Parted {
  others: string[];
  /** Line of `others` that the block stood before. */
  at: number;
  block: string[] | undefined;
}

/** A block whose end somebody cut off ends at the first empty line: what follows may be anybody's. */
function parted(text: string, isOurs: (mark: string) => boolean): Parted {
  const lines = text.split("\n");
  if (lines.at(-1) === "") lines.pop();
  const found: Parted = { others: [], at: -1, block: undefined };
  for (let index = 0; index < lines.length; index++) {
    const line = lines[index] as string;
    const mark = BEGIN.exec(line)?.[1];
    if (mark === undefined || !isOurs(mark)) {
      found.others.push(line);
      continue;
    }
    const rest = lines.slice(index + 1);
    const next = rest.findIndex((one) => BEGIN.test(one) || END.test(one));
    const isClosed = next >= 0 && END.exec(rest[next] as string)?.[1] === mark;
    const gap = rest.findIndex((one, place) => one.trim() === "" || place === next);
    const size = isClosed ? next : gap < 0 ? rest.length : gap;
    if (found.at < 0) found.at = found.others.length;
    found.block ??= rest.slice(0, size);
    index += size + (isClosed ? 1 : 0);
  }
  return found;
}

const textOf = (lines: readonly string[]): string => lines.map((line) => `${line}\n`).join("");

/** The lines of our block; undefined where there is none. */
export const readBlock = (text: string, mark: string): string[] | undefined =>
  parted(text, (one) => one === mark).block;

/** The text with our block as wanted, where it was or at the end. */
export function withBlock(text: string, mark: string, lines: readonly string[]): string {
  const { others, at } = parted(text, (one) => one === mark);
  const place = at < 0 ? others.length : at;
  return textOf([...others.slice(0, place), ...blockOf(mark, lines), ...others.slice(place)]);
}

/** The text without our block; everything else as it is. */
export function withoutBlock(text: string, mark: string): string {
  const { others, block } = parted(text, (one) => one === mark);
  return block === undefined ? text : textOf(others);
}

/** The text without any block of a stack. */
export function withoutBlocksOf(text: string, marks: string): string {
  const { others, block } = parted(text, (one) => one.startsWith(marks));
  return block === undefined ? text : textOf(others);
}
