import type { Mark } from "../core/definition";
import { ForeignObjectError } from "../core/errors";
import type { RootShell } from "../ssh/root-shell";
import { blockMark } from "./blocks";
import { readText, writeText } from "./files";

/** What a node itself says about what we did there, as JSON in a file of root's. */
export interface Note {
  /** Whose it is; see `blockMark`. */
  mark: string;
  /** Logical name of the machine by then, for whoever reads it there: a rename changes it, and leaves the mark. */
  machine: string;
}

const textOf = (note: object): string => `${JSON.stringify(note, undefined, 1)}\n`;

export function parseNote<N extends Note>(text: string | undefined): N | "damaged" | undefined {
  if (text === undefined) return undefined;
  try {
    const note = JSON.parse(text) as N | null;
    return typeof note?.mark === "string" && typeof note.machine === "string" ? note : "damaged";
  } catch {
    return "damaged";
  }
}

/**
 * Ours by its mark, which no rename changes; undefined where there is none, or one that came along with a copy of
 * another machine of this stack, whose mark is another one.
 */
export function ourNote<N extends Note>(note: N | "damaged" | undefined, mark: Mark): N | undefined {
  return note !== undefined && note !== "damaged" && note.mark === blockMark(mark) ? note : undefined;
}

/** Why a note says that a node is not ours to change, or undefined. */
export function foreignNote(
  note: Note | "damaged" | undefined,
  mark: Mark,
  machine: string,
  path: string,
): string | undefined {
  if (note === undefined) return undefined;
  if (note === "damaged")
    return `"${machine}": the note ${path} there cannot be read, so nobody can tell whose devstack this is. Remove that file if no other stack looks after the machine.`;
  if (note.mark === blockMark(mark)) return undefined;
  const isCopy = note.mark.startsWith(blockMark({ ...mark, name: "" })) && note.machine !== machine;
  if (isCopy) return undefined;
  const whose = note.mark.split("/").map(decodeURIComponent).join("/");
  return `"${machine}": another labplan resource (${whose}) looks after devstack there, and it is left alone. Take it out of that stack, or take another machine. If the machine is a copy of one of that stack's, remove ${path} there.`;
}

export async function readNote<N extends Note>(
  shell: RootShell,
  path: string,
): Promise<N | "damaged" | undefined> {
  return parseNote<N>(await readText(shell, path));
}

/** Ours, after a refusal of what is somebody else's. */
export async function claimedNote<N extends Note>(
  shell: RootShell,
  path: string,
  mark: Mark,
  machine: string,
): Promise<N | undefined> {
  const note = await readNote<N>(shell, path);
  const message = foreignNote(note, mark, machine, path);
  if (message !== undefined) throw new ForeignObjectError(message);
  return ourNote(note, mark);
}

export const writeNote = (shell: RootShell, path: string, note: Note): Promise<void> =>
  writeText(shell, path, textOf(note), { mode: "600" });
