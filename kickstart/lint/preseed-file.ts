import type { Findings } from "./finding";
import type { Script } from "./script";

/** One answer of a preseed. */
export interface PreseedEntry {
  line: number;
  owner: string;
  question: string;
  type: string;
  value: string;
}

/** Take a preseed apart as the installer's own reader does: lines that end with a backslash go on in the next. */
export function parsePreseed(text: string, findings: Findings): PreseedEntry[] {
  const entries: PreseedEntry[] = [];
  let open: { line: number; parts: string[] } | undefined;
  text.split("\n").forEach((raw, index) => {
    const line = index + 1;
    if (raw.startsWith("#")) {
      if (open)
        findings.error(
          line,
          "comment-in-command",
          "a comment amid a value is dropped by the installer, and what it comments is not what it seems",
        );
      return;
    }
    if (raw.trim() === "") {
      if (open)
        findings.error(
          line,
          "comment-in-command",
          "a blank line amid a value: the line before ends with a backslash",
        );
      return;
    }
    const part = raw.trimStart();
    const goesOn = /\\$/.test(part);
    open ??= { line, parts: [] };
    open.parts.push(goesOn ? part.replace(/\s*\\$/, "") : part);
    if (goesOn) return;
    entryOf(open.line, open.parts.join(" "), entries, findings);
    open = undefined;
  });
  if (open)
    findings.error(open.line, "open-value", "the last line ends with a backslash: the value is not read");
  return entries;
}

function entryOf(line: number, text: string, entries: PreseedEntry[], findings: Findings): void {
  const [, owner, question, type, value = ""] = /^(\S+)\s+(\S+)\s+(\S+)(?:\s(.*))?$/.exec(text) ?? [];
  if (!owner || !question || !type) {
    findings.error(line, "syntax", "a line is: owner question type value, like d-i time/zone string UTC");
    return;
  }
  entries.push({ line, owner, question, type, value: value.trim() });
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
