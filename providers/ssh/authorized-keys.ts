import type { Mark } from "../core/definition";

/**
 * Our lines of an authorized_keys file stand between two comments, which say whose they are:
 *
 *     # labplan begin k3v9q2x7/dev/node1 on node1: changes up to "end" are undone
 *     ssh-ed25519 AAAA… alice
 *     # labplan end k3v9q2x7/dev/node1
 *
 * Everything else belongs to somebody else.
 */
export interface Block {
  /** Text of the mark, each part safe in one word. */
  mark: string;
  /** Logical name of the machine that it was written on. */
  machine: string;
  keys: string[];
}

/** A file of keys, taken apart. */
export interface KeysFile {
  blocks: Block[];
  /** Lines outside of all blocks, comments and empty lines included. */
  others: string[];
}

export const keysMark = (mark: Mark): string =>
  [mark.lab, mark.stack, mark.name].map(encodeURIComponent).join("/");

const BEGIN = /^# labplan begin (\S+) on (\S+):/;
const END = /^# labplan end (\S+)/;
const isComment = (line: string): boolean => /^\s*(#|$)/.test(line);

/** Lines in their order: of a block, or of somebody else. */
type Part = Block | string;

/**
 * A block whose end somebody cut off holds the lines up to the first that is none of `expected`: what follows may be
 * anybody's.
 */
function partsOf(text: string, expected: ReadonlySet<string>): Part[] {
  const parts: Part[] = [];
  const lines = text.split("\n");
  if (lines.at(-1) === "") lines.pop();
  for (let at = 0; at < lines.length; at++) {
    const line = lines[at] as string;
    const [, mark, machine] = BEGIN.exec(line) ?? [];
    if (mark === undefined || machine === undefined) {
      // An end without a beginning says nothing.
      if (!END.test(line)) parts.push(line);
      continue;
    }
    const rest = lines.slice(at + 1);
    const next = rest.findIndex((one) => BEGIN.test(one) || END.test(one));
    const closed = next >= 0 && END.exec(rest[next] as string)?.[1] === mark;
    const cut = rest.findIndex((one) => !expected.has(one.trim()));
    const size = closed ? next : cut < 0 ? rest.length : cut;
    const keys = rest.slice(0, size).map((one) => one.trim());
    parts.push({ mark, machine: decoded(machine), keys: keys.filter((one) => !isComment(one)) });
    at += size + (closed ? 1 : 0);
  }
  return parts;
}

const isBlock = (part: Part): part is Block => typeof part !== "string";

export function readKeys(text: string, expected: readonly string[] = []): KeysFile {
  const parts = partsOf(text, new Set(expected.map((line) => line.trim())));
  return {
    blocks: parts.filter(isBlock),
    others: parts.filter((part): part is string => !isBlock(part)),
  };
}

export interface Wanted {
  mark: string;
  machine: string;
  keys: readonly string[];
  /** Take away what is not listed. */
  exclusive: boolean;
  /** The key that we are logged in with as this very user: its line stays whatever is asked for. */
  loginKey?: string | undefined;
  /** Marks of blocks that go: ours on the machine that this one was copied from. */
  stale?: readonly string[];
  /** Lines that may be ours, for a block without its end. */
  expected?: readonly string[];
}

/** The file with our block as wanted, where it was or at the end. */
export function withBlock(text: string, wanted: Wanted): string {
  const { mark, machine, keys, exclusive, stale = [] } = wanted;
  const ours = [
    `# labplan begin ${mark} on ${encodeURIComponent(machine)}: changes up to "end" are undone`,
    ...keys.map((key) => key.trim()),
    `# labplan end ${mark}`,
  ];
  const lines: string[] = [];
  let written = false;
  for (const part of partsOf(text, new Set(wanted.expected?.map((line) => line.trim())))) {
    if (!isBlock(part)) {
      if (!exclusive || isComment(part) || isKey(part, wanted.loginKey)) lines.push(part);
    } else if (part.mark === mark) {
      if (!written) lines.push(...ours);
      written = true;
    } else if (!stale.includes(part.mark)) lines.push(...linesOf(part));
  }
  if (!written) lines.push(...ours);
  return textOf(lines);
}

/** The file without the block of a mark; everything else as it is. */
export function withoutBlock(text: string, mark: string, expected: readonly string[] = []): string {
  const parts = partsOf(text, new Set(expected.map((line) => line.trim())));
  return textOf(parts.flatMap((part) => (!isBlock(part) ? [part] : part.mark === mark ? [] : linesOf(part))));
}

/** Only comments and the key that we are logged in with. */
export const withoutStrangers = (text: string, loginKey: string | undefined): string =>
  textOf(readKeys(text).others.filter((line) => isComment(line) || isKey(line, loginKey)));

const linesOf = ({ mark, machine, keys }: Block): string[] => [
  `# labplan begin ${mark} on ${encodeURIComponent(machine)}: changes up to "end" are undone`,
  ...keys,
  `# labplan end ${mark}`,
];

const textOf = (lines: readonly string[]): string => lines.map((line) => `${line}\n`).join("");

/**
 * Lines outside of our block that let somebody in, or might: whatever is no comment, because sshd knows more forms
 * than we do.
 */
export const strangers = (file: KeysFile, loginKey: string | undefined): string[] =>
  file.others.filter((line) => !isComment(line) && !isKey(line, loginKey)).map((line) => line.trim());

/** Whether a line, with its options and comment, is of this key. */
function isKey(line: string, key: string | undefined): boolean {
  return key !== undefined && !isComment(line) && bodyOf(line) === bodyOf(key);
}

/** Of types that sshd takes: sshd(8), "AUTHORIZED_KEYS FILE FORMAT". */
const KEY = /(?:^|\s)((?:sk-)?(?:ssh|ecdsa)-[a-z0-9@.-]+)\s+(AAAA[A-Za-z0-9+/]+={0,2})(?=\s|$)/;

const bodyOf = (line: string): string | undefined => KEY.exec(line)?.[2];

/** Why a line gives nobody a key, or undefined when it is one. Never repeats the line, which may be a secret. */
export function keyProblem(line: string): string | undefined {
  if (/PRIVATE KEY/.test(line)) return "it is a private key; give the line of the .pub file beside it";
  if (/[\r\n\0]/.test(line)) return "it is more than one line";
  if (line.length > 16_000) return "it is longer than any key";
  if (isComment(line)) return "it is empty or a comment";
  const [, type, body] = KEY.exec(line) ?? [];
  if (type === undefined || body === undefined)
    return 'it is no public key; one reads "ssh-ed25519 AAAA… name", as in a .pub file';
  const blob = Buffer.from(body, "base64");
  const length = blob.length >= 4 ? blob.readUInt32BE(0) : 0;
  if (blob.length < 32 || blob.toString("latin1", 4, 4 + length) !== type)
    return `its ${type} key is cut off or damaged`;
  return undefined;
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

/** For messages. */
export const describeKeysMark = (mark: string): string => mark.split("/").map(decoded).join("/");
