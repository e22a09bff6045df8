import * as path from "node:path";

/** The stack's lock file, from the project's root. */
export const lockPath = (stack: string): string => path.join("stacks", `${stack}.lock.yaml`);
