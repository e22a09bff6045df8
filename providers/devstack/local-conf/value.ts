import type { SecretRef } from "../../../stacks/config/types";

export type SettingValue = string | number | boolean | SecretRef;

/** Pieces of a value: text that stays as it is, a variable that devstack expands, a secret filled in later. */
export type Part = { text: string } | { variable: string } | { secret: string };

export interface ReadValue {
  parts: Part[];
  /** Secrets in it, by the name that stands in the text. */
  secrets: Record<string, SecretRef>;
  /** What looks like a variable or a command of the shell and is taken as text. */
  literal: string[];
}

const PIECE = /\{\{secret:([^{}]+)\}\}|\$(?:\{([A-Za-z_]\w*)\}|([A-Za-z_]\w*))/g;

/**
 * Read a setting. `$NAME` and `${NAME}` of a variable that `isVariable` knows is a reference; everything else of the
 * shell (`$(…)`, backticks, `${NAME:-…}`, other names) is text. A backslash escapes nothing. `true` and `false` are
 * written as devstack and oslo.config write them.
 */
export function readValue(value: SettingValue, isVariable: (name: string) => boolean): ReadValue {
  if (typeof value === "object") {
    const name = placeholderOf(value);
    return { parts: [{ secret: name }], secrets: { [name]: value }, literal: [] };
  }
  const text = typeof value === "boolean" ? (value ? "True" : "False") : String(value);
  const read: ReadValue = { parts: [], secrets: {}, literal: [] };
  let end = 0;
  for (const match of text.matchAll(PIECE)) {
    const [whole, secret, braced, bare] = match;
    const variable = braced ?? bare;
    if (variable !== undefined && !isVariable(variable)) {
      read.literal.push(whole);
      continue;
    }
    if (match.index > end) read.parts.push({ text: text.slice(end, match.index) });
    end = match.index + whole.length;
    if (secret !== undefined) {
      const name = secret.trim();
      read.parts.push({ secret: name });
      read.secrets[name] = { secret: name };
    } else if (variable !== undefined) read.parts.push({ variable });
  }
  if (end < text.length) read.parts.push({ text: text.slice(end) });
  for (const part of read.parts)
    if ("text" in part)
      read.literal.push(...[...part.text.matchAll(/\$\(|`|\$\{[A-Za-z_]\w*[^\w}]/g)].map(([found]) => found));
  return read;
}

/** Name that stands in `{{secret:…}}` for a secret that the config names in a field of its own. */
function placeholderOf(ref: SecretRef): string {
  if ("secret" in ref) return ref.secret;
  return "env" in ref ? `env:${ref.env}` : `file:${ref.file}`;
}

export function variablesIn(parts: readonly Part[]): string[] {
  return parts.flatMap((part) => ("variable" in part ? [part.variable] : []));
}
