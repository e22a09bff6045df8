import type { Findings } from "./finding";
import { type Script, shellOf } from "./script";

/** A command with its options, on one line. */
export interface KickstartCommand {
  line: number;
  name: string;
  /** The last of each; "" for one without a value. */
  options: Map<string, string>;
  words: string[];
}

export interface KickstartSection {
  line: number;
  /** `packages`, `post` */
  name: string;
  header: KickstartCommand;
  /** Line of the first line of its body. */
  bodyLine: number;
  body: string[];
}

export interface KickstartFile {
  commands: KickstartCommand[];
  sections: KickstartSection[];
}

const SECTIONS = [
  "packages",
  "pre",
  "pre-install",
  "post",
  "onerror",
  "traceback",
  "addon",
  "anaconda",
  "certificate",
];

/** Take a kickstart apart as Anaconda does: commands, and sections from `%name` to `%end`. */
export function parseKickstart(text: string, findings: Findings): KickstartFile {
  const file: KickstartFile = { commands: [], sections: [] };
  let open: KickstartSection | undefined;
  text.split("\n").forEach((raw, index) => {
    const line = index + 1;
    const [, directive] = /^%([\w-]+)/.exec(raw) ?? [];
    if (open && directive === "end") {
      open = undefined;
      return;
    }
    if (open && directive && SECTIONS.includes(directive)) {
      notEnded(open, findings);
      open = undefined;
    }
    if (open) {
      open.body.push(raw);
      return;
    }
    if (directive === "end") findings.error(line, "end-without-section", "%end, and no section is open");
    else if (directive && SECTIONS.includes(directive)) {
      const header = commandOf(line, raw.slice(1), findings);
      open = { line, name: directive, header, bodyLine: line + 1, body: [] };
      file.sections.push(open);
    } else if (directive === "include" || directive === "ksappend")
      findings.warn(line, "not-looked-at", "what is included here is not known before the installation");
    else if (directive) findings.error(line, "unknown-section", `there is no section %${directive}`);
    else if (raw.trim() !== "" && !/^\s*#/.test(raw)) file.commands.push(commandOf(line, raw, findings));
  });
  if (open) notEnded(open, findings);
  return file;
}

const notEnded = ({ line, name }: KickstartSection, findings: Findings): void =>
  findings.error(line, "missing-end", `%${name} has no %end`);

function commandOf(line: number, raw: string, findings: Findings): KickstartCommand {
  const split = wordsOf(raw);
  if (!split.closed) findings.error(line, "open-quote", "a quote is not closed");
  const [name = "", ...rest] = split.words;
  const options = new Map<string, string>();
  const words: string[] = [];
  rest.forEach((word, index) => {
    if (!word.startsWith("--")) {
      words.push(word);
      return;
    }
    const [option = "", ...value] = word.split("=");
    const next = rest[index + 1];
    // `--name value` is read like `--name=value`; which options take one is not known here, so it is both.
    options.set(option, value.length > 0 ? value.join("=") : next && !next.startsWith("--") ? next : "");
  });
  return { line, name, options, words };
}

/** Words as a shell splits them; a `#` begins a comment. */
export function wordsOf(text: string): { words: string[]; closed: boolean } {
  const words: string[] = [];
  let word: string | undefined;
  let quote = "";
  for (let i = 0; i < text.length; i++) {
    const c = text[i] as string;
    if (quote) {
      if (c === quote) quote = "";
      else if (c === "\\" && quote === '"' && i + 1 < text.length) word = (word ?? "") + text[++i];
      else word = (word ?? "") + c;
    } else if (c === '"' || c === "'") {
      quote = c;
      word ??= "";
    } else if (c === "\\" && i + 1 < text.length) word = (word ?? "") + text[++i];
    else if (/\s/.test(c)) {
      if (word !== undefined) words.push(word);
      word = undefined;
    } else if (c === "#" && word === undefined) break;
    else word = (word ?? "") + c;
  }
  if (word !== undefined) words.push(word);
  return { words, closed: quote === "" };
}

const SCRIPTS = ["pre", "pre-install", "post", "onerror", "traceback"];

/** The scripts of a kickstart. */
export const scriptsOf = ({ sections }: KickstartFile): Script[] =>
  sections
    .filter(({ name }) => SCRIPTS.includes(name))
    .map(({ name, header, bodyLine, body }) => ({
      name: `%${name}`,
      line: bodyLine,
      lines: body,
      shell: shellOf(header.options.get("--interpreter")),
    }));
