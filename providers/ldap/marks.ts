import type { Mark } from "../core/definition";

/**
 * What we write on an entry, as values of `labeledURI`: the mark of ownership, and notes that must survive a kill
 * of this process, which no state does. Each is a value of its own, so that one can be added or taken away without
 * reading the others, and the mark can be searched for by equality.
 *
 *     labplan:k3v9q2x7/dev/alice managed by labplan
 *     labplan:k3v9q2x7/dev/alice#password=1f3c9ab0e2d4 managed by labplan
 */
export interface Notes {
  /** Text of the mark. */
  mark: string;
  /** Groups that we put the entry in, or are about to. */
  groups: string[];
  /** The entry was there before us: released on destroy, not deleted. */
  adopted: boolean;
  /**
   * Names the last password that we set or were about to set. The state holds the same serial only when the
   * password in it is that one: any other serial means "set again".
   */
  passwordSerial?: string | undefined;
  /** `done` once the end of access was carried out in full; `pending` while it is carried out or lifted. */
  lock?: "pending" | "done" | undefined;
  /** DN that the entry had before a rename which is not finished. */
  formerDn?: string | undefined;
}

export const MARK_ATTRIBUTE = "labeledURI";

const LABEL = "managed by labplan";
const SCHEME = "labplan:";

/** The mark as text, each part safe in a URI. */
export const markPath = (mark: Mark): string =>
  [mark.lab, mark.stack, mark.name].map(encodeURIComponent).join("/");

/** The value that says whose the entry is. */
export const markValue = (path: string): string => `${SCHEME}${path} ${LABEL}`;

/** Every value that stands for these notes. */
export function noteValues(notes: Notes): string[] {
  const fragments = [
    "",
    ...(notes.adopted ? ["#adopted"] : []),
    ...(notes.passwordSerial ? [`#password=${notes.passwordSerial}`] : []),
    ...(notes.lock ? [`#lock=${notes.lock}`] : []),
    ...(notes.formerDn ? [`#formerly=${encodeURIComponent(notes.formerDn)}`] : []),
    ...notes.groups.map((group) => `#group=${encodeURIComponent(group)}`),
  ];
  return fragments.map((fragment) => `${SCHEME}${notes.mark}${fragment} ${LABEL}`);
}

const NOTE = new RegExp(`^${SCHEME}(?<mark>[^# ]+)(?:#(?<key>[a-z]+)(?:=(?<value>[^ ]*))?)? ${LABEL}$`, "u");

/** True for a value that is ours to change. */
export const isNote = (value: string): boolean => NOTE.test(value);

/** Notes by mark: one entry can carry more than one only when somebody copied values by hand. */
export function readNotes(values: readonly string[]): Notes[] {
  const found = new Map<string, Notes>();
  for (const value of values) {
    const { mark, key, value: text = "" } = NOTE.exec(value)?.groups ?? {};
    if (!mark) continue;
    const notes = found.get(mark) ?? { mark, adopted: false, groups: [] };
    found.set(mark, notes);
    if (key === "adopted") notes.adopted = true;
    else if (key === "lock") notes.lock = text === "done" ? "done" : "pending";
    else if (key === "password") notes.passwordSerial = text;
    else if (key === "formerly") notes.formerDn = decoded(text);
    else if (key === "group") notes.groups.push(decoded(text));
  }
  // A note without the mark itself is a leftover: it makes the entry nobody's.
  return [...found.values()].filter((notes) => values.includes(markValue(notes.mark)));
}

/** For messages. */
export const describeMark = (path: string): string => path.split("/").map(decoded).join("/");

/** Anyone who may write the entry may have spoilt the escapes. */
function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
