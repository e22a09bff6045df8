import { type Mark, markPrefix, markText } from "../core/definition";
import { ForeignObjectError } from "../core/errors";

/** Extra data of a machine: whose it is … */
export const MARK_KEY = "labplan/mark";
/** … and which one was marked: a clone copies extra data. */
export const UUID_KEY = "labplan/uuid";
/** Set on a machine that we did not make. */
export const ADOPTED_KEY = "labplan/adopted";
/** Digest of the seed that the guest was last started with. */
export const SEED_KEY = "labplan/seed";
/** Global extra data: whose a network is. Networks have none of their own. */
export const networkKey = (name: string): string => `labplan/network/${name}`;

export type Ownership = "ours" | "adoptable" | "foreign";

export interface FoundMark {
  /** `lab/stack/name` */
  text: string;
  adopted: boolean;
}

/**
 * A file of this name says that a machine is being made, until it has its mark: whoever is killed in between leaves
 * something that is known as ours all the same.
 */
export const makingFile = (mark: Mark, name: string): string => `${markPrefix(mark)}${name}.making`;

/** The mark of a machine; none where it was copied from the machine that this is a clone of. */
export function machineMark(
  extraData: Readonly<Record<string, string>>,
  machine: { uuid: string },
): FoundMark | undefined {
  const text = extraData[MARK_KEY];
  if (text === undefined || extraData[UUID_KEY] !== machine.uuid) return undefined;
  return { text, adopted: extraData[ADOPTED_KEY] === "1" };
}

/** An object without any mark can be adopted; one with another's mark is somebody's, and `adopt` does not change that. */
export function ownership(found: FoundMark | undefined, wanted: Mark, adopt: boolean | undefined): Ownership {
  if (found) return found.text === markText(wanted) ? "ours" : "foreign";
  return adopt ? "adoptable" : "foreign";
}

/** `machine "w1" exists and is not ours: …` with what to do next. */
export function foreignMessage(what: string, name: string, found: FoundMark | undefined): string {
  if (found)
    return `${what} "${name}" exists and belongs to ${found.text}. Give ours another name, or remove it there first.`;
  return `${what} "${name}" exists and was not made by this lab, so it is left alone. Give ours another "name:", or take it over by "adopt: true".`;
}

export const foreignError = (what: string, name: string, found: FoundMark | undefined): ForeignObjectError =>
  new ForeignObjectError(foreignMessage(what, name, found));

/** Media carry no metadata: their mark is the beginning of their name. */
export const isMarkedName = (name: string, mark: Mark): boolean => name.startsWith(markPrefix(mark));

export const unmarkedNameMessage = (name: string, mark: Mark): string =>
  `medium "${name}": a name of ours must begin with "${markPrefix(mark)}", because a medium cannot carry a mark of its own`;
