import type { PlannedResource } from "./types";

/** Name of a resource in the engine: now, before the rename (for the alias), and in the mark. */
export function renamed(
  logical: string,
  formerly: string | undefined,
  seed: string,
  resourceName: (name: string) => string = (name) => name,
): Pick<PlannedResource, "name" | "formerName" | "markName"> {
  return {
    name: resourceName(logical),
    ...(formerly === undefined ? {} : { formerName: resourceName(formerly) }),
    ...(seed === logical ? {} : { markName: resourceName(seed) }),
  };
}
