import type { BerReader } from "ldapts";
import { CODE, need, refuse } from "./codes";
import { attributeType, valueKey } from "./schema";

/** A search filter (RFC 4511, 4.5.1.7). */
export type Filter =
  | { kind: "and" | "or"; filters: Filter[] }
  | { kind: "not"; filter: Filter }
  | { kind: "equal" | "least" | "most"; type: string; value: string }
  | { kind: "present"; type: string }
  | { kind: "substrings"; type: string; initial?: string; any: string[]; final?: string };

const TAG = {
  and: 0xa0,
  or: 0xa1,
  not: 0xa2,
  equal: 0xa3,
  substrings: 0xa4,
  least: 0xa5,
  most: 0xa6,
  present: 0x87,
  approximate: 0xa8,
} as const;

export function readFilter(reader: BerReader): Filter {
  const tag = reader.peek();
  if (tag === TAG.present) return { kind: "present", type: need(reader.readString(TAG.present)) };
  reader.readSequence();
  const end = reader.offset + reader.length;
  const all = <T>(item: () => T): T[] => {
    const items: T[] = [];
    while (reader.offset < end) items.push(item());
    return items;
  };
  switch (tag) {
    case TAG.and:
    case TAG.or:
      return { kind: tag === TAG.and ? "and" : "or", filters: all(() => readFilter(reader)) };
    case TAG.not:
      return { kind: "not", filter: readFilter(reader) };
    case TAG.equal:
    case TAG.approximate:
    case TAG.least:
    case TAG.most: {
      const kind = tag === TAG.least ? "least" : tag === TAG.most ? "most" : "equal";
      return { kind, type: need(reader.readString()), value: need(reader.readString()) };
    }
    case TAG.substrings: {
      const filter: Filter & { kind: "substrings" } = {
        kind: "substrings",
        type: need(reader.readString()),
        any: [],
      };
      reader.readSequence();
      for (const [place, value] of all(() => piece(reader))) {
        if (place === 0x80) filter.initial = value;
        else if (place === 0x82) filter.final = value;
        else filter.any.push(value);
      }
      return filter;
    }
    default:
      return refuse(CODE.protocolError, "unknown kind of filter");
  }
}

function piece(reader: BerReader): [number, string] {
  const tag = reader.peek() ?? 0;
  return [tag, need(reader.readString(tag))];
}

/** Values of an entry by the lower-case name of the type. */
type ValuesOf = (key: string) => readonly string[];

/** A test for entries, with all that depends on the filter alone worked out once. */
export function compile(filter: Filter): (values: ValuesOf) => boolean {
  switch (filter.kind) {
    case "and": {
      const all = filter.filters.map(compile);
      return (values) => all.every((one) => one(values));
    }
    case "or": {
      const all = filter.filters.map(compile);
      return (values) => all.some((one) => one(values));
    }
    case "not": {
      const inner = compile(filter.filter);
      return (values) => !inner(values);
    }
  }
  // An attribute that the schema or the entry does not have never matches.
  const type = attributeType(filter.type);
  if (!type) return () => false;
  const key = type.name.toLowerCase();
  const some = (test: (value: string) => boolean) => (values: ValuesOf) => values(key).some(test);
  switch (filter.kind) {
    case "present":
      return (values) => values(key).length > 0;
    case "equal": {
      const wanted = valueKey(key, filter.value);
      return some((value) => value === filter.value || valueKey(key, value) === wanted);
    }
    case "least":
      return some((value) => order(key, value, filter.value) >= 0);
    case "most":
      return some((value) => order(key, value, filter.value) <= 0);
    case "substrings":
      return some((value) => hasPieces(value, filter));
  }
}

/** Numbers by size, all else as text. */
function order(type: string, a: string, b: string): number {
  const [x, y] = [valueKey(type, a), valueKey(type, b)];
  if (/^-?\d+$/u.test(x) && /^-?\d+$/u.test(y)) return Number(BigInt(x) - BigInt(y));
  return x < y ? -1 : x > y ? 1 : 0;
}

function hasPieces(value: string, filter: Filter & { kind: "substrings" }): boolean {
  const key = (text: string) => text.normalize("NFKC").toLowerCase();
  let rest = key(value);
  const { initial, any, final } = filter;
  if (initial !== undefined) {
    if (!rest.startsWith(key(initial))) return false;
    rest = rest.slice(key(initial).length);
  }
  for (const middle of any) {
    const at = rest.indexOf(key(middle));
    if (at < 0) return false;
    rest = rest.slice(at + key(middle).length);
  }
  return final === undefined || rest.endsWith(key(final));
}
