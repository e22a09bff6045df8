import type { ConfigPath, ConfigProblem } from "../config/types";

/** Collects what is wrong, so that all of it is told at once. */
export class Problems {
  readonly found: ConfigProblem[] = [];

  /** `message` says who, what and what next. */
  add(path: ConfigPath, message: string): void {
    this.found.push({ path, message });
  }
}
