import { changesOf, type FieldChange, holdsUnknown, sentence } from "./change";
import type { ChangeRule, Definition, Problem } from "./definition";

type Changes = Pick<Definition<object>, "changes">;

/** What an edit loses data by. */
export function wiping(definition: Changes, inputs: object, before: object): FieldChange[] {
  const rules: ChangeRule[] = Object.values(definition.changes);
  // Most kinds have nothing to wipe.
  if (!rules.some((rule) => rule.class === "wipe")) return [];
  return changesOf(
    definition,
    before as Record<string, unknown>,
    inputs as Record<string, unknown>,
  ).fields.filter((change) => change.class === "wipe" && !holdsUnknown(change.to));
}

/** Edits that lose data on a machine need its owner's word, in the same config, until they are done. */
export function refuseWipes(definition: Changes, inputs: object, before: object): Problem[] {
  const { allow } = inputs as { allow?: readonly string[] };
  if (allow?.includes("wipe")) return [];
  return wiping(definition, inputs, before).map((change) => ({
    field: change.field,
    message: `${sentence(change)}. If that is meant, add \`allow: [wipe]\` to it until it is done; if not, take the edit back.`,
  }));
}
