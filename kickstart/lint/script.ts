import type { Findings } from "./finding";
import { passwordRefusal } from "./values";

/** A shell script in an installer's file. */
export interface Script {
  /** `%post`, `late-commands[0]` */
  name: string;
  /** Line of the file that its first line stands on. */
  line: number;
  lines: string[];
  /** Of the interpreter; undefined for one that is no shell. */
  shell: "bash" | "sh" | undefined;
}

/** A line of a script that the shell reads itself, and not as a here-document's text. */
interface Command {
  line: number;
  text: string;
}

/** What a shell does, and a syntax check does not see. */
export function lintScript(script: Script, findings: Findings): void {
  if (!script.shell) return;
  for (const { line, text } of commandsOf(script, findings)) {
    if (/^\s*#/.test(text)) continue;
    if (/(>>?|\btee\b.*|\b(cp|mv|ln|install)\b.*)\s*\S*\/etc\/(rc\.d\/)?rc\.local\b/.test(text))
      findings.error(
        line,
        "rc-local",
        "rc.local is gone; install a systemd unit, as {{ bootedUnit }} does to call home at every boot",
      );
    if (/\blabplan_report\s+booted\b|^(?!\s*(echo|printf)\b).*\b(curl|wget)\b.*\/booted\b/.test(text))
      findings.error(
        line,
        "booted-from-installer",
        "this runs in the installer, where nothing has booted yet: report installed here, and booted from a unit",
      );
    lintPasswords(line, text, findings);
    if (/\bcurl\b.*\s(-[a-zA-Z]*k|--insecure)\b|--no-check-certificate\b/.test(text))
      findings.warn(line, "no-certificate-check", "any server would do: the certificate is not checked");
  }
}

function lintPasswords(line: number, text: string, findings: Findings): void {
  const clear = "a password in clear in a script; lock the account, or use a crypted one: chpasswd -e";
  const piped =
    /echo\s+(-n\s+)?["']?[\w.-]+:(?<password>[^"'\s|]+)["']?\s*\|\s*(.*\s)?chpasswd\b(?<rest>.*)/.exec(text);
  if (piped?.groups) {
    const { password = "", rest = "" } = piped.groups;
    if (!/(^|\s)(-e|--encrypted)\b/.test(rest)) findings.error(line, "password-in-clear", clear);
    else {
      const refused = passwordRefusal(password);
      if (refused) findings.error(line, "weak-password", refused);
    }
  }
  if (/\bpasswd\b.*--stdin\b|\bsshpass\s+-p/.test(text)) findings.error(line, "password-in-clear", clear);
  const option = /\b(?:usermod|useradd)\b.*\s(?:-p|--password)[ =]["']?(?<password>[^\s"']+)/.exec(text);
  const refused = option?.groups?.password && passwordRefusal(option.groups.password);
  if (refused) findings.error(line, "password-in-clear", refused);
}

/** Without the texts of here-documents; one that never ends is a finding: a shell only warns of it. */
function commandsOf({ lines, line: start, name }: Script, findings: Findings): Command[] {
  const commands: Command[] = [];
  let open: { word: string; tabs: boolean; line: number } | undefined;
  lines.forEach((text, index) => {
    const line = start + index;
    if (open) {
      if ((open.tabs ? text.replace(/^\t+/, "") : text) === open.word) open = undefined;
      return;
    }
    commands.push({ line, text });
    const begun = hereDocument(text);
    if (begun) open = { ...begun, line };
  });
  if (open) {
    const { line, word } = open;
    findings.error(
      line,
      "here-document",
      `${name}: no line "${word}" ends this text; the rest of the script is in it`,
    );
  }
  return commands;
}

/** The word that ends the text that begins behind this line. Not for `<<` in quotes, comments and sums. */
export function hereDocument(text: string): { word: string; tabs: boolean } | undefined {
  const [all, tabs, word = ""] = /(?<!<)<<(-?)\s*["'\\]?([A-Za-z_]\w*)/.exec(text) ?? [];
  if (all === undefined) return undefined;
  const before = text.slice(0, text.indexOf(all)).replace(/\\.|'[^']*'|"(?:[^"\\]|\\.)*"/g, "");
  return /["']|(^|\s)#|\(\((?!.*\)\))/.test(before) ? undefined : { word, tabs: tabs === "-" };
}

/** True when some script tells the boot server that the disk is written. */
export const reportsInstalled = (text: string): boolean =>
  /^[^\n]*(labplan_report\s+installed|\/events\/installed)\b/m.test(text);

/** The shell of a `--interpreter=` or a first line. */
export function shellOf(interpreter: string | undefined): Script["shell"] {
  const name = interpreter?.trim().split("/").at(-1)?.split(/\s/)[0] ?? "bash";
  if (name === "bash") return "bash";
  return ["sh", "dash", "ash"].includes(name) ? "sh" : undefined;
}
