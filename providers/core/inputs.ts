import type { Definition } from "./definition";

/** Names of fields that were found, in the state only. */
const FOUND = "__found";

/** What was found of fields that the user left open: it is in the state, and no input of his. */
export function foundIn(
  { changes }: Pick<Definition<object>, "changes">,
  inputs: object,
  made: object,
): { [FOUND]?: string[] } {
  const found = Object.entries(made)
    .filter(([key, value]) => key in changes && !(key in inputs) && value !== undefined)
    .map(([key]) => key);
  return found.length > 0 ? { [FOUND]: found } : {};
}

/** The input part of a state, with the hidden keys. */
export function inputsOf(
  definition: Pick<Definition<object>, "changes">,
  properties: Record<string, unknown>,
): Record<string, unknown> {
  const found = (properties[FOUND] as string[] | undefined) ?? [];
  const isInput = (key: string) =>
    (key in definition.changes && !found.includes(key)) || key.startsWith("__");
  return Object.fromEntries(Object.entries(properties).filter(([key]) => isInput(key) && key !== FOUND));
}
