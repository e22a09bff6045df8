import { createHash } from "node:crypto";
import type { NodeInputs } from "./types";

/** What a node was stacked with: the fields of which stack.sh makes something. */
const FIELDS = [
  "role",
  "user",
  "home",
  "repo",
  "branch",
  "patches",
  "extras",
  "localConf",
  "secrets",
  "generation",
] as const satisfies (keyof NodeInputs)[];

/** Another one is stacked anew. Of the names of secrets, never of their values. */
export const stackedWith = (inputs: Pick<NodeInputs, (typeof FIELDS)[number]>): string =>
  digestOf(FIELDS.map((field) => [field, inputs[field]]));

export const digestOf = (value: unknown): string =>
  createHash("sha256").update(canonical(value)).digest("hex");

/** JSON in which the order of keys says nothing. */
const canonical = (value: unknown): string =>
  JSON.stringify(value, (_, one: unknown) =>
    typeof one === "object" && one !== null && !Array.isArray(one)
      ? Object.fromEntries(Object.entries(one).sort(([a], [b]) => (a < b ? -1 : 1)))
      : one,
  );
