import { LabError } from "../providers/core/errors";
import type { SecretRef } from "../stacks/config/types";

/**
 * What stays in a rendered text until it is served: `{{boot:url}}`, `{{boot:token}}` and `{{boot:config}}` of the boot
 * server, and secrets by name: `{{secret:name}}`, `{{env:NAME}}`, `{{file:path}}`.
 */
export const PLACEHOLDER =
  /\{\{\s*(?:(boot):(url|token|config)|(secret):([\w.:-]+)|(env):(\w+)|(file):([^{}\s]+))\s*\}\}/g;

/** The placeholder of a secret by name. */
export function placeholderOf(ref: SecretRef): string {
  if ("secret" in ref) return `{{secret:${ref.secret}}}`;
  return "env" in ref ? `{{env:${ref.env}}}` : `{{file:${ref.file}}}`;
}

/** Where the values of a text's placeholders come from. */
export interface Values {
  boot: { url: string; token: string; config?: string };
  secret(ref: SecretRef): string;
}

/** The secrets that a text names, each once. */
export function secretsIn(text: string): SecretRef[] {
  const found = new Map<string, SecretRef>();
  for (const match of text.matchAll(PLACEHOLDER)) {
    const ref = secretOf(match);
    if (ref) found.set(placeholderOf(ref), ref);
  }
  return [...found.values()];
}

/** The text as it is served. A value with a line end in it would write lines of its own, and is refused. */
export function fillPlaceholders(text: string, values: Values): string {
  return text.replace(PLACEHOLDER, (...match) => {
    const [placeholder, , field] = match as string[];
    const ref = secretOf(match);
    const value = ref ? values.secret(ref) : values.boot[field as keyof Values["boot"]];
    if (value === undefined || value === "") throw new LabError(`${placeholder} has no value here`);
    // biome-ignore lint/suspicious/noControlCharactersInRegex: those are what is looked for
    if (/[\u0000-\u001f\u007f]/.test(value))
      throw new LabError(`${placeholder}: its value holds a line end or another control character`);
    return value;
  });
}

function secretOf(match: readonly (string | undefined)[]): SecretRef | undefined {
  if (match[3]) return { secret: match[4] ?? "" };
  if (match[5]) return { env: match[6] ?? "" };
  return match[7] ? { file: match[8] ?? "" } : undefined;
}
