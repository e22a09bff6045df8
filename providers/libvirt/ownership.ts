import type { Mark } from "../core/definition";
import { markPrefix, markText } from "../core/definition";
import { ForeignObjectError } from "../core/errors";
import { type FoundMark, sameMark } from "./xml/mark";

/** Whether an object that exists is ours, may be taken over, or must not be touched. */
export type Ownership = "ours" | "adoptable" | "foreign";

/**
 * Decide by the mark alone. An object without any mark can be adopted; one that carries the mark of another lab,
 * stack or resource is somebody's, and `adopt` does not take it away from them.
 */
export function ownership(found: FoundMark | undefined, wanted: Mark, adopt: boolean | undefined): Ownership {
  if (found) return sameMark(found, wanted) ? "ours" : "foreign";
  return adopt ? "adoptable" : "foreign";
}

/** `network "admin" exists and is not ours: …` with what to do next. */
export function foreignMessage(what: string, name: string, found: FoundMark | undefined): string {
  if (found)
    return `${what} "${name}" exists and belongs to ${markText(found)}. Give ours another name, or remove it there first.`;
  return `${what} "${name}" exists and was not made by this lab, so it is left alone. Give ours another "name:", or take it over by "adopt: true".`;
}

export const foreignError = (what: string, name: string, found: FoundMark | undefined): ForeignObjectError =>
  new ForeignObjectError(foreignMessage(what, name, found));

/** Pools and volumes carry no metadata: their mark is the beginning of their name. */
export const isMarkedName = (name: string, mark: Mark): boolean => name.startsWith(markPrefix(mark));

export const unmarkedNameMessage = (what: string, name: string, mark: Mark): string =>
  `${what} "${name}": a name of ours must begin with "${markPrefix(mark)}", because a ${what} cannot carry a mark of its own`;
