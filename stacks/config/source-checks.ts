import { isAlias, isMap, isScalar, isSeq, type Node, Scalar } from "yaml";
import { offsetOf, type PositionedProblem } from "./positions";
import { numberFields } from "./schema";
import { rewritten } from "./source-scalars";
import {
  configEntry,
  type Entry,
  lineOf,
  NAMESPACE,
  ownEntries,
  type StackFile,
  writtenMerges,
} from "./stack-file";
import { closest, suggest } from "./suggest";
import type { ConfigPath } from "./types";

/** Fields that take a secret by name. */
const SECRET_FIELDS = ["password", "rootPassword", "apiToken", "userToken", "passwords"];

/** Texts of the user's own, in which a secret is named within the text. */
const TEXT_FIELDS = ["userData", "networkConfig", "commands", "variables"];

/** What only the text shows: scalars that the Pulumi CLI would rewrite, encrypted values, keys that nobody reads. */
export function sourceProblems(file: StackFile, sections: readonly string[]): PositionedProblem[] {
  const problems: PositionedProblem[] = [];
  const add = (entry: Entry, path: ConfigPath, message: string, prefer: "key" | "value" = "value") =>
    problems.push({ file: file.path, ...lineOf(file, offsetOf(entry, prefer)), path, message });

  for (const { name, entry } of ownEntries(file.document.contents ?? undefined)) {
    if (name.startsWith(NAMESPACE) || sections.includes(name))
      add(entry, [], `${name} stands outside of "config:"; move it under it`, "key");
  }
  for (const { name, entry } of ownEntries(configEntry(file)?.value)) {
    if (!name.startsWith(NAMESPACE)) {
      if (sections.includes(name)) add(entry, [], `${name} is written ${NAMESPACE}${name}`, "key");
      continue;
    }
    const section = name.slice(NAMESPACE.length);
    if (sections.includes(section)) scan(entry, [section], add);
    else if (!isEncrypted(entry.value)) add(entry, [section], strangeKey(section, entry, sections), "key");
  }
  return problems;
}

/** A key of ours that is no section is a secret of the user's, or a mistake. */
function strangeKey(name: string, entry: Entry, sections: readonly string[]): string {
  if (isMap(entry.value) || isSeq(entry.value) || closest(name, sections) !== undefined)
    return `there is no section of this name${suggest(name, sections)}`;
  return `this is no section; if it is a secret, it is in clear: set it with "pulumi config set --secret ${name}"`;
}

type Add = (entry: Entry, path: ConfigPath, message: string, prefer?: "key" | "value") => void;

/** Each scalar once, where it is written: aliases are not followed. */
function scan(entry: Entry, path: ConfigPath, add: Add): void {
  const { value } = entry;
  if (isAlias(value)) return;
  if (isEncrypted(value)) {
    add(entry, path, encryptedInside(path), "key");
    return;
  }
  if (isScalar(value)) scanScalar(value, entry, path, add);
  const items = isSeq(value) ? value.items : [];
  for (const [i, item] of items.entries()) scan({ value: item as Node }, [...path, i], add);
  for (const { name, entry: child } of ownEntries(value)) {
    if (isScalar(child.key)) scanKey(child.key, path, add);
    scan(child, [...path, name], add);
  }
  for (const merged of writtenMerges(value)) scan({ value: merged }, path, add);
}

function scanScalar(scalar: Scalar, entry: Entry, path: ConfigPath, add: Add): void {
  // What stands in the place of a secret is not repeated.
  if (path.some((part) => SECRET_FIELDS.includes(String(part)))) return;
  const message = rewrittenMessage(scalar, path);
  if (message) add(entry, path, message);
}

/** Told of the map around it: under which name the engine gives the thing is not known here. */
function scanKey(scalar: Scalar, path: ConfigPath, add: Add): void {
  const message = rewrittenMessage(scalar);
  if (message) add({ key: scalar }, path, message, "key");
}

function rewrittenMessage(scalar: Scalar, path: ConfigPath = []): string | undefined {
  if (scalar.type !== Scalar.PLAIN || scalar.source === undefined) return undefined;
  const change = rewritten(scalar.source);
  if (!change) return undefined;
  const { reads, number } = change;
  if (path.at(-1) === "until" && /^[\d-]+$/.test(scalar.source))
    return `${scalar.source} would be read as ${reads}; write day, time and zone: "${scalar.source}T18:00Z"`;
  const field = path.at(-1);
  const paste = number !== undefined && numberFields.has(String(field)) ? number : `"${scalar.source}"`;
  return `${scalar.source} would be read as ${reads}; write ${paste}`;
}

/** What `pulumi config set --secret` writes. */
export function isEncrypted(node: Node | undefined): boolean {
  return isMap(node) && node.items.length === 1 && ownEntries(node)[0]?.name === "secure";
}

function encryptedInside(path: ConfigPath): string {
  const why = "an encrypted value inside a section would lie in the state in clear";
  const field = path.findLast((part) => typeof part === "string") ?? "";
  if (path.some((part) => TEXT_FIELDS.includes(String(part)))) {
    const name = camelCase(path.slice(-2));
    return `${why}; write "{{secret:${name}}}" in the text and run "pulumi config set --secret ${name}"`;
  }
  // A variable of devstack may be one.
  const isVariable = path.includes("localrc") || path.includes("conf");
  if (!isVariable && !path.some((part) => SECRET_FIELDS.includes(String(part))))
    return `${why}, and ${field} is no secret; write it in the open`;
  const name = camelCase(path.slice(isVariable ? -1 : 1));
  return `${why}; write { secret: ${name} } and run "pulumi config set --secret ${name}"`;
}

/** `people.password` as `peoplePassword`. */
const camelCase = (path: ConfigPath): string =>
  path
    .map(String)
    .filter((part) => part !== "users")
    .join("-")
    .replace(/[^A-Za-z0-9]+([A-Za-z0-9])/g, (_, letter: string) => letter.toUpperCase());
