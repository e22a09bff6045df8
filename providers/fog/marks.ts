import { type Mark, markText } from "../core/definition";
import { ForeignObjectError } from "../core/errors";

/** What a description in the server says of whose a record is. */
export interface FogMark extends Notes {
  /** `lab/stack/name` */
  text: string;
  /** It was there before us. */
  adopted: boolean;
}

/** What is under way on a host, in its record: a run that is killed leaves nothing else of what it knows. */
export interface Notes {
  /** Task that puts something on its disk, 0 before it has a number: until its end is seen, nobody knows what is there. */
  task?: number;
  /** Task whose image was proven to be there: for a run that was killed before its state was kept. */
  done?: number;
  /** Task that captures its disk. */
  capture?: number;
  /** Image that the record had before a capture. */
  image?: number;
}

const NOTES = ["task", "done", "capture", "image"] as const satisfies (keyof Notes)[];
const MARK = / ?\[labplan (?<text>[^\s\]]+)(?<notes>[^\]]*)\]\s*$/;

/** The mark at the end of a description; undefined where there is none. */
export function readMark(description: string): FogMark | undefined {
  const { text, notes = "" } = MARK.exec(description)?.groups ?? {};
  if (text === undefined) return undefined;
  const mark: FogMark = { text, adopted: /(?:^| )adopted(?: |$)/.test(notes) };
  for (const note of NOTES) {
    const number = new RegExp(`(?:^| )${note} (\\d+)`).exec(notes)?.[1];
    if (number !== undefined) mark[note] = Number(number);
  }
  return mark;
}

/** The description with this mark at its end, or with none. The user's own words stay. */
export function withMark(description: string, mark: FogMark | undefined): string {
  const own = description.replace(MARK, "").trim();
  if (!mark) return own;
  const notes = NOTES.filter((note) => mark[note] !== undefined).map((note) => `${note} ${mark[note]}`);
  const words = [mark.text, ...(mark.adopted ? ["adopted"] : []), ...notes];
  return `${own}${own ? " " : ""}[labplan ${words.join(" ")}]`;
}

export const newMark = (mark: Mark, adopted: boolean): FogMark => ({ text: markText(mark), adopted });

/** Of this lab's stack, whichever resource of it: a host is marked by its record, and imaged by another resource. */
export const isOfStack = (found: FogMark | undefined, { lab, stack }: Pick<Mark, "lab" | "stack">): boolean =>
  found?.text.startsWith(`${lab}/${stack}/`) ?? false;

/** A record without any mark can be adopted; one with another's mark is somebody's, and `adopt` does not change that. */
export function ownership(
  found: FogMark | undefined,
  wanted: Mark,
  adopt: boolean | undefined,
): "ours" | "adoptable" | "foreign" {
  if (found) return found.text === markText(wanted) ? "ours" : "foreign";
  return adopt ? "adoptable" : "foreign";
}

/** `host "pod1-node1" exists and is not ours: …` with what to do next. */
export function foreignMessage(what: "host" | "image", name: string, found: FogMark | undefined): string {
  if (found)
    return `the FOG server's ${what} "${name}" belongs to ${found.text}. Give ours another name, or remove it there first; "adopt" does not take what has another's mark.`;
  return `the FOG server has ${what === "image" ? "an" : "a"} ${what} "${name}" that was not made by this lab, so it is left alone. Give ours another "name:", or take it over by "adopt: true".`;
}

export const foreignError = (
  what: "host" | "image",
  name: string,
  found: FogMark | undefined,
): ForeignObjectError => new ForeignObjectError(foreignMessage(what, name, found));

/** FOG compares names without case, and squeezes white space in what it gives back. */
export const sameFogName = (a: string, b: string): boolean => plainName(a) === plainName(b);
const plainName = (name: string): string => name.trim().replace(/\s+/g, " ").toLowerCase();
