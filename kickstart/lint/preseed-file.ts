import type { Findings } from "./finding";
import type { Script } from "./script";

/** One answer of a preseed. */
export interface PreseedEntry {
  line: number;
  owner: string;
  question: string;
  type: string;
  value: string;
  /** The value as it stands in the file from `line` on, backslashes and all: a shell reads them alike. */
  lines: string[];
}

/** Take a preseed apart as the installer's own reader does: lines that end with a backslash go on in the next. */
export function parsePreseed(text: string, findings: Findings): PreseedEntry[] {
  const entries: PreseedEntry[] = [];
  let open: { line: number; parts: string[]; raw: string[] } | undefined;
  text.split("\n").forEach((raw, index) => {
    const line = index + 1;
    const isComment = raw.startsWith("#");
    if (isComment || raw.trim() === "") {
      if (open) {
        const what = isComment ? "a comment" : "a blank line";
        findings.error(
          line,
          "comment-in-command",
          `${what} amid a value is dropped by the installer: the line before ends with a backslash`,
        );
        open.raw.push("\\");
      }
      return;
    }
    const part = raw.trimStart();
    const goesOn = part.endsWith("\\");
    open ??= { line, parts: [], raw: [] };
    open.parts.push(goesOn ? part.replace(/\s*\\$/, "") : part);
    open.raw.push(part);
    if (goesOn) return;
    entryOf(open, entries, findings);
    open = undefined;
  });
  if (open)
    findings.error(open.line, "open-value", "the last line ends with a backslash: the value is not read");
  return entries;
}

function entryOf(
  { line, parts, raw: [head = "", ...tail] }: { line: number; parts: string[]; raw: string[] },
  entries: PreseedEntry[],
  findings: Findings,
): void {
  const [, owner, question, type, value = ""] =
    /^(\S+)\s+(\S+)\s+(\S+)(?:\s(.*))?$/.exec(parts.join(" ")) ?? [];
  if (!owner || !question || !type) {
    findings.error(line, "syntax", "a line is: owner question type value, like d-i time/zone string UTC");
    return;
  }
  const lines = [head.replace(/^\S+\s+\S+\s+\S+\s*/, ""), ...tail];
  entries.push({ line, owner, question, type, value: value.trim(), lines });
}

/** A script kept as comments, `#name|text`: our own templates' way, since a value is one line. */
export function commentScripts(text: string): Script[] {
  const scripts: Script[] = [];
  text.split("\n").forEach((raw, index) => {
    const [, name, body = ""] = /^#([a-z]+)\|(.*)$/.exec(raw) ?? [];
    if (!name) return;
    const last = scripts.at(-1);
    if (last?.name === `#${name}|` && last.line + last.lines.length === index + 1) last.lines.push(body);
    else scripts.push({ name: `#${name}|`, line: index + 1, lines: [body], shell: "sh" });
  });
  return scripts;
}
