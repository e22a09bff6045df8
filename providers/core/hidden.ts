import type { BackendConfig } from "../../stacks/config/types";
import type { Mark } from "./definition";

/** Inputs whose keys begin with `__` pass through the engine and are shown in no diff (measured). */
export interface Hidden {
  __provider: string;
  /** `lab/stack/name` */
  __mark: string;
  /** Connection data without secrets, for removal after the backend left the config (rule 13). */
  __backend: BackendConfig;
  /** Name in the stack, when it is not the mark's. */
  __as?: string;
  /** The machine that it lives on or in (`On`), where it is a declared one. */
  __on?: unknown;
  /** Other machines that it has to reach, by logical name (`Peers`). */
  __peers?: unknown;
}

/** Why the last reconcile did not finish; in the state only, so that the next run carries on. */
export const UNFINISHED = "__unfinished";

export const isHidden = (key: string): boolean => key.startsWith("__");

export const visible = <T extends object>(properties: T): T =>
  Object.fromEntries(Object.entries(properties).filter(([key]) => !isHidden(key))) as T;

export const hidden = (properties: object): Hidden =>
  Object.fromEntries(Object.entries(properties).filter(([key]) => isHidden(key))) as unknown as Hidden;

export function parseMark(text: string): Mark {
  const [lab = "", stack = "", ...name] = text.split("/");
  return { lab, stack, name: name.join("/") };
}
