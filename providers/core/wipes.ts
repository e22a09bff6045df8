import { changesOf, holdsUnknown, sentence } from "./change";
import type { Definition, Problem } from "./definition";

/** Edits that lose data on a machine need its owner's word, in the same config, until they are done. */
export function wipes(
  definition: Pick<Definition<object>, "changes">,
  inputs: object,
  before: object,
): Problem[] {
  const { allow } = inputs as { allow?: readonly string[] };
  if (allow?.includes("wipe")) return [];
  return changesOf(definition, before as Record<string, unknown>, inputs as Record<string, unknown>)
    .fields.filter((change) => change.class === "wipe" && !holdsUnknown(change.to))
    .map((change) => ({
      field: change.field,
      message: `${sentence(change)}. If that is meant, add \`allow: [wipe]\` to it until it is done; if not, take the edit back.`,
    }));
}
