import type { LabConfig } from "../config/types";
import type { Origin } from "./identity";
import type { Problems } from "./problems";
import type { Seeds } from "./seeds";
import type { Lock } from "./types";

/** What every part of the planner sees. `lock` is the old lock, never changed; `next` is the new one, being filled. */
export interface Context {
  readonly config: LabConfig;
  readonly lock: Lock;
  readonly now: Date;
  readonly seeds: Seeds;
  readonly problems: Problems;
  readonly notes: string[];
}

export const originOf = (context: Context, backend: string, kind: string, seed: string): Origin => ({
  lab: context.config.lab,
  stack: context.config.stack,
  backend,
  kind,
  seed,
});
