import type { ChangeClass, ChangeRule, Definition } from "./definition";
import { isHidden } from "./hidden";

/** What the engine passes for a value that is not known yet (@pulumi/pulumi runtime/rpc unknownValue). */
export const UNKNOWN = "04da6b54-80e4-46f7-96ec-b56ff0331ba9";

export const holdsUnknown = (value: unknown): boolean => JSON.stringify(value)?.includes(UNKNOWN) ?? false;

export interface FieldChange {
  field: string;
  class: ChangeClass;
  reason: string;
  from: unknown;
  to: unknown;
}

export interface Changes {
  fields: FieldChange[];
  /** Outputs that a refresh found wrong. */
  drifted: { field: string; sentence: string }[];
}

/** Equal as JSON, whatever the order of an object's keys. */
export function same(a: unknown, b: unknown): boolean {
  if (Object.is(a, b)) return true;
  if (typeof a !== "object" || typeof b !== "object" || a === null || b === null) return false;
  if (Array.isArray(a) !== Array.isArray(b)) return false;
  const keys = new Set([...Object.keys(a), ...Object.keys(b)]);
  return [...keys].every((key) =>
    same((a as Record<string, unknown>)[key], (b as Record<string, unknown>)[key]),
  );
}

/**
 * Compare what the state says with what is wanted. Only fields in the kind's table count: outputs and hidden keys
 * are no inputs, and fields that a newer version added mean nothing in an older state until they are set.
 */
export function changesOf(
  definition: Pick<Definition<object>, "changes" | "expects">,
  state: Record<string, unknown>,
  wanted: Record<string, unknown>,
): Changes {
  const table = definition.changes as Record<string, ChangeRule>;
  const fields = Object.entries(table)
    .filter(([field]) => !isHidden(field) && !same(state[field], wanted[field]))
    .map(([field, rule]) => changeOf(field, rule, state[field], wanted[field]))
    .filter((change) => change.class !== "ignored");
  const expects = (definition.expects ?? {}) as Record<string, { value: unknown; sentence: string }>;
  const drifted = Object.entries(expects)
    .filter(([field, { value }]) => field in state && !same(state[field], value))
    .map(([field, { sentence }]) => ({ field, sentence }));
  return { fields, drifted };
}

function changeOf(field: string, rule: ChangeRule, from: unknown, to: unknown): FieldChange {
  const { class: what, reason } = rule.gentler?.when(from, to) ? rule.gentler : rule;
  return { field, class: what, reason, from, to };
}

const WORDS: Record<ChangeClass, string> = {
  live: "live",
  restart: "needs a restart",
  recreate: "recreated",
  wipe: "WIPES its data",
  ignored: "ignored",
};

/** `memoryMiB 1024 → 2048: needs a restart (QEMU fixes the memory at its start)` */
export function sentence(change: FieldChange): string {
  return `${change.field} ${show(change.from)} → ${show(change.to)}: ${WORDS[change.class]} (${change.reason})`;
}

const LONGEST = 120;

function show(value: unknown): string {
  if (value === undefined) return "(none)";
  if (holdsUnknown(value)) return "(not known yet)";
  const text = typeof value === "string" ? value : JSON.stringify(value);
  return text.length > LONGEST ? `${text.slice(0, LONGEST)}…` : text;
}
