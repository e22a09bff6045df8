import { isMap, isScalar, isSeq, type Node } from "yaml";
import {
  configEntry,
  type Entry,
  entryIn,
  lineOf,
  NAMESPACE,
  parseStackFile,
  type SourceFile,
  type StackFile,
} from "./stack-file";
import type { ConfigPath, ConfigProblem } from "./types";
import { pathText, writtenPaths } from "./written-paths";

/** A problem with its place in the file. Line and column count from 1; line 0 when there is no file. */
export interface PositionedProblem extends ConfigProblem {
  file: string;
  line: number;
  column: number;
}

/** Where a value stands: `path` as written there, which may be a short form. */
export interface Place {
  path: ConfigPath;
  line: number;
  column: number;
}

/** The place of a value of the config, or of the nearest thing around it that is written. */
export function positionOf(file: StackFile, path: ConfigPath, prefer: "key" | "value" = "value"): Place {
  const walks = writtenPaths(path).map((written) => walk(file, written));
  const complete = walks.find(({ left }) => left === 0);
  const nearest = complete ?? walks.reduce((best, next) => (next.depth > best.depth ? next : best));
  // Of a card written as "admin", people know networks[0], and no networks[0].network.
  const isShort = nearest.depth > 0 && isScalar(nearest.entry.value);
  const shown = isShort ? nearest.path.slice(0, nearest.depth) : nearest.path;
  return { path: shown, ...lineOf(file, offsetOf(nearest.entry, prefer)) };
}

/** What is written at a path, without going up where nothing is. */
export function entryAt(file: StackFile, path: ConfigPath): Entry | undefined {
  const { entry, left } = walk(file, path);
  return left === 0 ? entry : undefined;
}

function walk(file: StackFile, path: ConfigPath) {
  let entry: Entry = configEntry(file) ?? {};
  let depth = 0;
  for (const part of path) {
    const key = depth === 0 ? `${NAMESPACE}${part}` : part;
    const next = entry.value && entryIn(file, entry.value, key);
    if (!next) break;
    entry = next;
    depth++;
  }
  return { path, entry, depth, left: path.length - depth };
}

/** A scalar's own place; a map's or list's key, which is where people look for it. */
export function offsetOf({ key, value }: Entry, prefer: "key" | "value" = "value"): number {
  const node = key && (prefer === "key" || !value || isMap(value) || isSeq(value)) ? key : (value ?? key);
  return startOf(node);
}

const startOf = (node: Node | undefined): number => node?.range?.[0] ?? 0;

/** Puts a problem of the plan where its value is written. */
export function positioned(problem: ConfigProblem, source: SourceFile | undefined): PositionedProblem {
  return source ? place(parsedOnce(source), problem) : { ...problem, file: "", line: 0, column: 0 };
}

export function place(
  file: StackFile,
  problem: ConfigProblem,
  prefer: "key" | "value" = "value",
): PositionedProblem {
  return { file: file.path, ...positionOf(file, problem.path, prefer), message: problem.message };
}

let last: { source: SourceFile; file: StackFile } | undefined;

/** A run positions many problems in one file. */
function parsedOnce(source: SourceFile): StackFile {
  if (last?.source.path !== source.path || last.source.text !== source.text)
    last = { source, file: parseStackFile(source) };
  return last.file;
}

/** `stacks/Pulumi.dev.yaml:12:5: machines.w1.memory: …` */
export function formatProblem({ file, line, column, path, message }: PositionedProblem): string {
  const where = line > 0 ? `${file}:${line}:${column}` : file;
  return [where, pathText(path), message].filter((part) => part !== "").join(": ");
}

/** In the order of the file, each place and message once (an anchor's mistake is one mistake). */
export function sorted(problems: PositionedProblem[]): PositionedProblem[] {
  const seen = new Set<string>();
  return problems
    .toSorted((a, b) => a.line - b.line || a.column - b.column)
    .filter(({ line, column, path, message }) => {
      const key = line > 0 ? `${line}:${column} ${message}` : `${pathText(path)} ${message}`;
      return !seen.has(key) && seen.add(key);
    });
}
