import { createHash } from "node:crypto";
import { configUrl } from "../../kickstart/cmdline";
import { fillPlaceholders, placeholderOf, secretsIn } from "../../kickstart/placeholders";
import type { InstallFiles } from "../../kickstart/server/types";
import type { SecretRef } from "../../stacks/config/types";
import { LabError } from "../core/errors";
import type { BuildInputs } from "./build";

export const digestOf = (text: string): string => createHash("sha256").update(text).digest("hex");

/** Where an installer takes a password: all of them want it crypted there, and take a plain one for a crypted one. */
const PASSWORD_LINE =
  /\brootpw\b|--iscrypted\b|--password=|password-crypted\b|chpasswd\s+-e|^\s*-?\s*(hashed_)?passwd:|^\s*password:/;
const CRYPTED = /^\$(6|y)\$[./A-Za-z0-9$=,]+$/;

/**
 * Refuse a password that is not crypted: it would be in clear on the wire and in the installer's log. The message has
 * the secret's name alone.
 */
export function checkPasswords(image: string, text: string, secret: (ref: SecretRef) => string): void {
  text.split("\n").forEach((line, index) => {
    if (!PASSWORD_LINE.test(line)) return;
    for (const ref of secretsIn(line))
      if (!CRYPTED.test(secret(ref)))
        throw new LabError(
          `image "${image}": ${placeholderOf(ref)} in line ${index + 1} of its config must be a crypted password ($6$… or $y$…), and is none. Make one by "openssl passwd -6" and set the secret to that.`,
        );
  });
}

/** Text and command line as they are served to the machine with this token. */
export function servedFiles(
  inputs: Pick<BuildInputs, "name" | "installer" | "text" | "cmdline" | "server">,
  files: Pick<InstallFiles, "kernel" | "initrd">,
  token: string,
  secret: (ref: SecretRef) => string,
): InstallFiles {
  const { name, installer, text, cmdline, server } = inputs;
  const [leaked] = secretsIn(cmdline);
  if (leaked)
    throw new LabError(
      `image "${name}": ${placeholderOf(leaked)} cannot be on the kernel's command line, which everybody on the machine can read`,
    );
  checkPasswords(name, text, secret);
  const boot = { url: server.url, token, config: configUrl(installer, server.url, token) };
  const values = { boot, secret };
  return {
    installer,
    text: fillPlaceholders(text, values),
    cmdline: fillPlaceholders(cmdline, values),
    ...files,
    secrets: secretsIn(text).map(secret),
  };
}

const MOST_LINES = 20;

/**
 * Lines that differ, as in a diff without context: `- old`, `+ new`, at most 20. By the longest common run of lines,
 * so that one inserted line is one line here.
 */
export function differingLines(before: string, after: string): string[] {
  const [old, now] = [before.split("\n"), after.split("\n")];
  let from = 0;
  while (from < old.length && from < now.length && old[from] === now[from]) from++;
  let [oldEnd, nowEnd] = [old.length, now.length];
  while (oldEnd > from && nowEnd > from && old[oldEnd - 1] === now[nowEnd - 1])
    [oldEnd, nowEnd] = [oldEnd - 1, nowEnd - 1];
  const lines = changed(old.slice(from, oldEnd), now.slice(from, nowEnd));
  if (lines.length <= MOST_LINES) return lines;
  return [...lines.slice(0, MOST_LINES), `… and ${lines.length - MOST_LINES} lines more`];
}

/** Above this, the whole middle is shown as replaced: the table would grow with the square. */
const MOST_COMPARED = 2_000;

function changed(old: string[], now: string[]): string[] {
  if (old.length > MOST_COMPARED || now.length > MOST_COMPARED)
    return [...old.map((line) => `- ${line}`), ...now.map((line) => `+ ${line}`)];
  // Length of the longest common subsequence of the two rests.
  const width = now.length + 1;
  const common = new Uint16Array((old.length + 1) * width);
  const at = (i: number, j: number): number => common[i * width + j] ?? 0;
  for (let i = old.length - 1; i >= 0; i--)
    for (let j = now.length - 1; j >= 0; j--)
      common[i * width + j] = old[i] === now[j] ? at(i + 1, j + 1) + 1 : Math.max(at(i + 1, j), at(i, j + 1));
  const lines: string[] = [];
  for (let i = 0, j = 0; i < old.length || j < now.length; ) {
    if (i < old.length && j < now.length && old[i] === now[j]) [i, j] = [i + 1, j + 1];
    else if (j >= now.length || (i < old.length && at(i + 1, j) >= at(i, j + 1))) lines.push(`- ${old[i++]}`);
    else lines.push(`+ ${now[j++]}`);
  }
  return lines;
}
