/**
 * YAML scalars that do not survive. The Pulumi CLI reads a stack's file with YAML 1.1 rules and writes it anew on
 * `config set` (measured with 3.259.0): 1.10 becomes 1.1, 010 becomes 8, 2026-12-24 "2026-12-24 00:00:00 +0000 UTC".
 */
export interface Rewritten {
  /** How the CLI reads it. */
  reads: string;
  /** A number, which a field for numbers can be given in the plain. */
  number?: number;
}

/** How the CLI would change a plain (unquoted) scalar, or undefined when it would not. */
export function rewritten(source: string): Rewritten | undefined {
  if (isDate(source)) return { reads: "a date" };
  const number = yaml11Number(source);
  if (number === undefined || String(number) === source) return undefined;
  return Number.isFinite(number)
    ? { reads: `the number ${number}`, number }
    : { reads: "a number too large to keep" };
}

/** go-yaml's four layouts of a timestamp: seconds are needed when there is a time. */
function isDate(source: string): boolean {
  return /^\d{4}-\d{1,2}-\d{1,2}([Tt ]\d{1,2}:\d{1,2}:\d{1,2}(\.\d+)?(Z|[+-]\d{2}:\d{2})?)?$/.test(source);
}

function yaml11Number(source: string): number | undefined {
  const text = source.replaceAll("_", "");
  const [, sign = "", digits = ""] = /^([-+]?)(.*)$/s.exec(text) ?? [];
  const value = unsigned(digits);
  return value === undefined ? undefined : sign === "-" ? -value : value;
}

function unsigned(text: string): number | undefined {
  if (/^0x[0-9a-f]+$/i.test(text) || /^0b[01]+$/i.test(text) || /^0o[0-7]+$/i.test(text)) return Number(text);
  if (/^0[0-7]+$/.test(text)) return Number.parseInt(text, 8);
  if (/^(\d+\.?\d*|\.\d+)(e[-+]?\d+)?$/i.test(text)) return Number(text);
  if (/^\.inf$/i.test(text)) return Number.POSITIVE_INFINITY;
  return undefined;
}
