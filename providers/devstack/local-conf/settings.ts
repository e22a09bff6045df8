import { closest } from "../../../stacks/config/suggest";
import type { ConfigPath, DevstackSettings } from "../../../stacks/config/types";

/** Settings of one origin. A later layer wins over an earlier one. */
export interface LocalConfLayer extends DevstackSettings {
  /** As shown beside each line: `preset multinode`, `devstack.roles.compute`. */
  source: string;
  /** Where it is in the config; absent for what the config does not hold. */
  path?: ConfigPath;
  /** Its services are all there are: those of earlier layers and of devstack's own list are off. */
  exact?: boolean;
}

export interface LocalConfLine {
  text: string;
  /** `devstack.roles.compute.localrc.VIRT_DRIVER`, or `labplan` for what holds the file together. */
  source: string;
  /** What it won over, lowest layer first. */
  overrides?: string[];
}

export interface Finding {
  path: ConfigPath;
  message: string;
}

export interface Findings {
  problems: Finding[];
  /** What is right but may not be what was meant. */
  notes: Finding[];
}

/** A value that has won, and what it won over. */
export interface Settled<T> {
  value: T;
  source: string;
  path: ConfigPath;
  overrides: string[];
}

export function settle<T>(
  into: Map<string, Settled<T>>,
  key: string,
  { value, source, path }: { value: T; source: string; path: ConfigPath },
): void {
  const before = into.get(key);
  into.set(key, { value, source, path, overrides: before ? [...before.overrides, before.source] : [] });
}

export function lineOf(
  text: string,
  { source, overrides }: { source: string; overrides: string[] },
): LocalConfLine {
  return { text, source, ...(overrides.length > 0 && { overrides }) };
}

/** A line that holds the file together. */
export const ownLine = (text: string): LocalConfLine => ({ text, source: "labplan" });

export function pathIn(layer: LocalConfLayer, ...rest: string[]): ConfigPath {
  return [...(layer.path ?? ["devstack"]), ...rest];
}

/**
 * A name that devstack does not know may be a plugin's. Where there is no plugin and a known name is near, it is a
 * slip of the keyboard.
 */
export function judgeUnknown(
  findings: Findings,
  what: { path: ConfigPath; kind: string; name: string; known: readonly string[]; plugins: boolean },
): void {
  const near = closest(what.name, what.known);
  const message = `devstack itself has no ${what.kind} "${what.name}"`;
  if (near !== undefined && !what.plugins)
    findings.problems.push({ path: what.path, message: `${message}. Did you mean "${near}"?` });
  else
    findings.notes.push({
      path: what.path,
      message: `${message}; a plugin must bring it${near ? `, or did you mean "${near}"` : ""}`,
    });
}
