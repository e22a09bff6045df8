import type { Declared } from "../config/types";
import type { PlannedResource } from "./types";

/** The names that a thing had, the latest first. */
export const formerNamesOf = ({ formerly }: Pick<Declared, "formerly">): readonly string[] =>
  formerly === undefined ? [] : [formerly].flat();

/** Name of a resource in the engine: now, before the renames (for aliases), and in the mark. */
export function renamed(
  logical: string,
  declared: Pick<Declared, "formerly">,
  seed: string,
  resourceName: (name: string) => string = (name) => name,
): Pick<PlannedResource, "name" | "formerNames" | "markName"> {
  const former = formerNamesOf(declared);
  return {
    name: resourceName(logical),
    ...(former.length === 0 ? {} : { formerNames: former.map(resourceName) }),
    ...(seed === logical ? {} : { markName: resourceName(seed) }),
  };
}
