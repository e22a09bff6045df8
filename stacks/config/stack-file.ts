import {
  type Document,
  isAlias,
  isMap,
  isNode,
  isScalar,
  isSeq,
  LineCounter,
  type Node,
  type Pair,
  parseDocument,
  type YAMLMap,
} from "yaml";

/** A stack's file as read from disk. */
export interface SourceFile {
  path: string;
  text: string;
}

/** The parsed file, with the place of every value. */
export interface StackFile {
  path: string;
  document: Document.Parsed;
  lines: LineCounter;
}

/** A value in the file and the key that it stands under, when it stands under one. */
export interface Entry {
  key?: Node;
  value?: Node;
}

/** Namespace of our config keys: the name of the Pulumi project. */
export const NAMESPACE = "labplan:";

export function parseStackFile(source: SourceFile): StackFile {
  const lines = new LineCounter();
  // Merge keys are YAML 1.1, which is what the Pulumi CLI reads.
  const document = parseDocument(source.text, { lineCounter: lines, merge: true, prettyErrors: false });
  return { path: source.path, document, lines };
}

/** The values of our sections as the engine gives them, for a run without the engine. */
export function valuesOf(file: StackFile): Record<string, unknown> {
  const config = (file.document.toJS({ maxAliasCount: 10_000 }) as { config?: unknown } | null)?.config;
  if (typeof config !== "object" || config === null) return {};
  const ours = Object.entries(config).filter(([key]) => key.startsWith(NAMESPACE));
  return Object.fromEntries(ours.map(([key, value]) => [key.slice(NAMESPACE.length), value]));
}

/** Line and column, from 1, of an offset in the text. */
export function lineOf(file: StackFile, offset: number): { line: number; column: number } {
  const { line, col } = file.lines.linePos(offset);
  return { line: Math.max(line, 1), column: Math.max(col, 1) };
}

/** The `config:` entry. */
export const configEntry = (file: StackFile): Entry | undefined =>
  file.document.contents ? entryIn(file, file.document.contents, "config") : undefined;

/** The child of a map or list, through aliases and merge keys. */
export function entryIn(file: StackFile, parent: Node, key: string | number): Entry | undefined {
  const node = resolved(file, parent);
  if (isSeq(node) && typeof key === "number") {
    const item = node.items[key];
    return isNode(item) ? { value: item } : undefined;
  }
  return isMap(node) ? entryOfMap(file, node, String(key)) : undefined;
}

function entryOfMap(file: StackFile, map: YAMLMap, key: string): Entry | undefined {
  const merged: Node[] = [];
  for (const pair of map.items) {
    if (isMergeKey(pair)) merged.push(...mergedMaps(file, pair.value as Node | null));
    else if (keyText(pair) === key) return entryOf(pair);
  }
  // A key of the map itself wins over a merged one, and an earlier merged map over a later one.
  for (const map of merged) {
    const entry = entryIn(file, map, key);
    if (entry) return entry;
  }
  return undefined;
}

/** Every key of a map as written, with its entry; merged keys are not among them. */
export function ownEntries(node: Node | undefined): { name: string; entry: Entry }[] {
  if (!isMap(node)) return [];
  return node.items.flatMap((pair) =>
    isMergeKey(pair) ? [] : [{ name: keyText(pair) ?? "", entry: entryOf(pair) }],
  );
}

/** The maps that `<<` brings in, as far as they are written in place. */
export function writtenMerges(node: Node | undefined): Node[] {
  if (!isMap(node)) return [];
  return node.items.filter(isMergeKey).flatMap(({ value }) => {
    if (isSeq(value)) return value.items.filter(isMap);
    return isMap(value) ? [value] : [];
  });
}

export function resolved(file: StackFile, node: Node | undefined): Node | undefined {
  return isAlias(node) ? node.resolve(file.document) : node;
}

function mergedMaps(file: StackFile, value: Node | null): Node[] {
  const node = resolved(file, value ?? undefined);
  if (isSeq(node)) return node.items.filter(isNode);
  return node ? [node] : [];
}

const isMergeKey = (pair: Pair): boolean => isScalar(pair.key) && pair.key.source === "<<";

/** A key's text as written: a number-like key is not rewritten. */
function keyText(pair: Pair): string | undefined {
  if (!isScalar(pair.key)) return undefined;
  return typeof pair.key.value === "string" ? pair.key.value : (pair.key.source ?? String(pair.key.value));
}

function entryOf(pair: Pair): Entry {
  return {
    ...(isNode(pair.key) ? { key: pair.key } : {}),
    ...(isNode(pair.value) ? { value: pair.value } : {}),
  };
}
