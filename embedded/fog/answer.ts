/** One HTTP answer of the server. */
export interface Answer {
  status: number;
  /** @default application/json */
  type?: string;
  body: string | Buffer;
  headers?: Record<string, string>;
}

/** A line of FOG's releases: 1.5 shows every scalar as a string, 1.6 does not, and pages its lists. */
export type LineVersion = "1.5" | "1.6";

export const empty = (status: number): Answer => ({ status, body: "" });
/** What PHP leaves of an error that nobody caught. */
export const crashed = (status = 500): Answer => ({ status, type: "text/html; charset=UTF-8", body: "" });
export const error = (status: number, message: string): Answer => ({
  status,
  body: JSON.stringify({ error: message }),
});
export const text = (body: string): Answer => ({ status: 200, type: "text/html; charset=UTF-8", body });

/** A value as the line shows it; runs of white space come out as one. */
export const json = (line: LineVersion, value: unknown, status = 200): Answer => ({
  status,
  body: squeeze(JSON.stringify(asShown(line, value))),
});

/** Every scalar of a record is a string in 1.5. */
export const asShown = (line: LineVersion, value: unknown): unknown =>
  line === "1.5" ? withStrings(value) : value;

export const squeeze = (body: string): string => body.replace(/(\s)+/g, "$1");

function withStrings(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withStrings);
  if (value !== null && typeof value === "object")
    return Object.fromEntries(Object.entries(value).map(([name, one]) => [name, withStrings(one)]));
  return typeof value === "number" ? String(value) : value;
}
