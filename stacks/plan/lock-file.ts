import { type Document, isMap, LineCounter, parseDocument } from "yaml";
import { LabError } from "../../providers/core/errors";
import { isPort } from "../config/port-forwards";
import { badMac } from "./identity";
import { parseCidr, parseIpv4 } from "./ipv4";
import { stable } from "./stable";
import type { Lock } from "./types";

/** The lock file cannot be used. */
export class LockFileError extends LabError {
  override readonly name = "LockFileError";
}

const HEADER = `# Addresses and names that labplan has handed out for this stack. Written by "up"; commit it.
# To free one, delete its line.
`;

export const emptyLock = (): Lock => ({ version: 1, cidrs: {}, addresses: {} });

/**
 * After everything was destroyed: what the lock remembers of things, to compare with, is of things that are gone. What it
 * has handed out stays.
 */
export function afterDestroy({
  users: _users,
  homes: _homes,
  clones: _clones,
  glance: _glance,
  ...handedOut
}: Lock): Lock {
  return handedOut;
}

/** In the order of the file. */
const SECTIONS = [
  "cidrs",
  "addresses",
  "macs",
  "ports",
  "vnis",
  "overlays",
  "homes",
  "clones",
  "flavors",
  "glance",
  "seeds",
  "users",
] as const;

/** The text of a lock file: the same bytes for the same content. */
export function renderLock(lock: Lock): string {
  const lines = [HEADER, `version: ${lock.version}\n`];
  for (const section of SECTIONS) lines.push(...sectionLines(section, stable(lock[section] ?? {})));
  return lines.join("");
}

type Entries = Record<string, string | Record<string, string>>;

function* sectionLines(section: string, entries: Entries): Generator<string> {
  if (Object.keys(entries).length === 0) return;
  yield `${section}:\n`;
  for (const [key, value] of Object.entries(entries))
    if (typeof value === "string") yield `  ${scalar(key)}: ${scalar(value)}\n`;
    else {
      yield `  ${scalar(key)}:\n`;
      for (const [inner, text] of Object.entries(value)) yield `    ${scalar(inner)}: ${scalar(text)}\n`;
    }
}

/** Plain where no YAML reader of any version can take it for a number, a date or anything else. */
const scalar = (text: string): string =>
  /^[A-Za-z_][A-Za-z0-9_./-]*$/.test(text) &&
  !/^(y|n|yes|no|on|off|true|false|null|nan|e[\d_.]*)$/i.test(text)
    ? text
    : JSON.stringify(text);

/** Read a lock file. `file` is its name, for messages. Throws `LockFileError`, which says where and what to do. */
export function parseLock(text: string, file: string): Lock {
  const lines = new LineCounter();
  const at = (offset: number): string => {
    const { line, col } = lines.linePos(offset);
    return `${file}:${Math.max(line, 1)}:${Math.max(col, 1)}`;
  };
  const conflict = /^(<{7}|={7}|>{7})/m.exec(text);
  const document = parseDocument(text, { lineCounter: lines, uniqueKeys: true });
  if (conflict)
    throw new LockFileError(
      `${at(conflict.index)}: a merge left its marks here. Keep the lines of both sides and delete the marks; where both hold the same key or address, keep one.`,
    );
  const error = document.errors[0];
  if (error)
    throw new LockFileError(
      `${at(error.pos[0])}: ${error.message.split(/ at line|\n/)[0]}. Repair the line, or restore the file from git.`,
    );
  if (document.contents === null) return emptyLock();
  return readLock(document, file, at);
}

const DEPTH: Record<string, 1 | 2> = {
  cidrs: 1,
  addresses: 2,
  macs: 2,
  ports: 2,
  vnis: 1,
  overlays: 2,
  homes: 1,
  clones: 2,
  flavors: 1,
  glance: 1,
  seeds: 1,
  users: 1,
};

const CHECKS: Record<string, { good: (text: string) => boolean; what: string }> = {
  cidrs: { good: (text) => parseCidr(text) !== undefined, what: "an IPv4 network like 10.200.3.0/24" },
  addresses: { good: (text) => parseIpv4(text) !== undefined, what: "an IPv4 address like 10.200.3.2" },
  macs: { good: (text) => badMac(text) === undefined, what: "a MAC address like 52:54:00:12:34:56" },
  ports: { good: (text) => / ssh$/.test(text), what: 'what the port leads to, like "web1 ssh"' },
  vnis: {
    good: (text) => /^[1-9]\d*$/.test(text) && Number(text) < 2 ** 24,
    what: 'a VXLAN network identifier like "4711"',
  },
  overlays: { good: (text) => parseIpv4(text) !== undefined, what: "an IPv4 address like 172.24.4.2" },
  homes: { good: (text) => text !== "", what: "the name of a backend" },
  clones: { good: (text) => /^\S+ \S+$/.test(text), what: "an image and its edition" },
  flavors: { good: (text) => / for \d/.test(text), what: "a flavor and what it was chosen for" },
  glance: { good: (text) => /^.+ = \S+$/.test(text), what: "an image of a cloud and its id" },
  seeds: { good: (text) => text !== "", what: "a name" },
  users: { good: (text) => text !== "", what: "a uid" },
};

function readLock(document: Document.Parsed, file: string, at: (offset: number) => string): Lock {
  const where = (path: readonly string[]): string => {
    const node = path.length === 0 ? document.contents : document.getIn(path, true);
    const range = (node as { range?: [number, number, number] | null } | undefined)?.range;
    return range ? at(range[0]) : file;
  };
  const refuse = (path: readonly string[], message: string): never => {
    throw new LockFileError(`${where(path)}: ${message}`);
  };
  if (!isMap(document.contents))
    refuse([], "this is no lock file. Restore it from git, or delete it to begin anew.");
  const content = document.toJS() as Record<string, unknown>;

  if (content.version !== 1)
    refuse(
      ["version"],
      content.version === undefined
        ? "the lock file has no `version: 1`. Restore it from git."
        : `the lock file has version ${JSON.stringify(content.version)}, and this labplan reads version 1. Update labplan.`,
    );
  const lock: Lock = emptyLock();
  for (const [section, value] of Object.entries(content)) {
    if (section === "version") continue;
    if (!SECTIONS.some((one) => one === section))
      refuse([section], `"${section}" is no section of a lock file. Restore the file from git.`);
    if (value === null) continue;
    const check = (text: unknown, path: string[]): string => {
      const rule = CHECKS[section];
      const good = typeof text === "string" && rule?.good(text);
      return good ? text : refuse(path, `${path.join(".")} is not ${rule?.what}. Repair or delete the line.`);
    };
    const key = (name: string, path: string[]): string =>
      section !== "ports" || path.length === 1 || isPort(Number(name))
        ? name
        : refuse([...path, name], `"${name}" is no port. Repair or delete the line.`);
    const map = (entries: unknown, path: string[]): [string, unknown][] =>
      entries !== null && typeof entries === "object" && !Array.isArray(entries)
        ? Object.entries(entries)
        : refuse(path, `${path.join(".")} must hold names and values. Restore the file from git.`);
    const flat = (entries: unknown, path: string[]): Record<string, string> =>
      Object.fromEntries(
        map(entries, path).map(([name, text]) => [key(name, path), check(text, [...path, name])]),
      );
    const read =
      DEPTH[section] === 1
        ? flat(value, [section])
        : Object.fromEntries(map(value, [section]).map(([key, inner]) => [key, flat(inner, [section, key])]));
    Object.assign(lock, { [section]: read });
  }
  return lock;
}
