import type { LocalConfInput } from "../../../../../../providers/devstack/local-conf/merge";
import type { ReadBack } from "../reader";

/** A merge, what a node has after devstack read it, and whose each line is: `[text, source, …overridden sources]`. */
export interface Story {
  story: string;
  input: LocalConfInput;
  /** What is not said is as devstack has it without a local.conf. */
  means: Partial<ReadBack>;
  lines: [text: string, source: string, ...overrides: string[]][];
}

/** Where settings come from in the stories. */
export const shared = { source: "devstack.shared", path: ["devstack", "shared"] };
export const compute = { source: "devstack.roles.compute", path: ["devstack", "roles", "compute"] };
export const hv1 = { source: "devstack.nodes.hv1", path: ["devstack", "nodes", "hv1"] };
export const preset = { source: "preset multinode" };
