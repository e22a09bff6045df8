import { execFile } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import * as os from "node:os";
import * as path from "node:path";
import { DeadlineError } from "../providers/core/errors";
import { autoinstallScripts } from "./lint/autoinstall";
import { type Finding, Findings } from "./lint/finding";
import { parseKickstart, scriptsOf } from "./lint/kickstart-file";
import { commentScripts, parsePreseed } from "./lint/preseed-file";
import type { Script } from "./lint/script";
import { findProgram, type Program } from "./programs";
import type { Installer } from "./variables";

export interface ValidateOptions {
  /** `9`, `12`: ksvalidator checks for this release and no other. @default 9 */
  release?: string;
  /** For each program. @default 30 000 */
  deadlineMs?: number;
  signal?: AbortSignal;
  /** Paths of the programs; undefined for one that is not here. */
  find?: (name: Program) => string | undefined;
}

export interface Validated {
  findings: Finding[];
  /** Programs that are not installed, with what was not checked. */
  absent: string[];
}

/** Look at an installer's file with the programs that its installer's own people made, where they are. */
export async function validate(
  installer: Installer,
  text: string,
  options: ValidateOptions = {},
): Promise<Validated> {
  const find = options.find ?? findProgram;
  const findings = new Findings();
  const absent: string[] = [];
  const program = {
    kickstart: "ksvalidator",
    preseed: "debconf-set-selections",
    autoinstall: undefined,
  } as const;
  const name = program[installer];
  const file = name && find(name);
  if (name && !file) absent.push(`${name} is not installed: the file's own syntax was not checked`);
  if (name && file) await runOnFile(name, file, text, options, findings);
  await checkShells(shellScripts(installer, text), find, options, findings, absent);
  return { findings: findings.list(), absent };
}

async function runOnFile(
  name: "ksvalidator" | "debconf-set-selections",
  program: string,
  text: string,
  options: ValidateOptions,
  findings: Findings,
): Promise<void> {
  const folder = await mkdtemp(path.join(os.tmpdir(), "labplan-kickstart-"));
  try {
    const file = path.join(folder, "file");
    await writeFile(file, text, { mode: 0o600 });
    const release = Number.parseInt(options.release ?? "9", 10);
    const args = name === "ksvalidator" ? ["-v", `RHEL${release}`, file] : ["--checkonly", file];
    const { code, output } = await run(program, args, "", options);
    if (name === "ksvalidator") readKsvalidator(code, output, file, findings);
    else readDebconf(code, output, text, findings);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

const RULES = { ksvalidator: "ksvalidator", debconf: "debconf-set-selections" } as const;

/** `… on line N of the kickstart file:`, or `Ignoring deprecated … on line N:`, or a warning without a line. */
function readKsvalidator(code: number, output: string, file: string, findings: Findings): void {
  const before = findings.list().length;
  const paragraphs = output
    .replaceAll(file, "the file")
    .split(/\n(?=The following problem|Ignoring |The \w+ command)/);
  for (const paragraph of paragraphs) {
    const told = paragraph.replace(/^\s*Checking kickstart file.*$/m, "").trim();
    if (told === "") continue;
    const [, line] = /\bon line (\d+)\b/.exec(told) ?? [];
    const message = told
      .replace(/^The following problem occurred on line \d+ of the kickstart file:\s*/, "")
      .split(/\s*\n\s*/)
      .join(" ")
      // What stands on such a line may be a password.
      .replace(/\b(rootpw|user|sshpw|vnc|rdp|bootloader)\b(.*?): \[.*\]$/, "$1$2");
    const isMild = /^Ignoring deprecated|will be deprecated/.test(message);
    if (isMild) findings.warn(Number(line ?? 1), RULES.ksvalidator, message);
    else findings.error(Number(line ?? 1), RULES.ksvalidator, message);
  }
  if (code !== 0 && findings.list().length === before)
    findings.error(1, RULES.ksvalidator, `ksvalidator ended with ${code} and said nothing`);
}

/** It counts the last line of a value that goes on over several; its first is told. */
function readDebconf(code: number, output: string, text: string, findings: Findings): void {
  const lines = text.split("\n");
  const first = (line: number): number =>
    line > 1 && lines[line - 2]?.endsWith("\\") ? first(line - 1) : line;
  let told = false;
  for (const whole of output.split("\n")) {
    const [, kind, message = ""] = /^(error|warning):\s*(.*)$/.exec(whole) ?? [];
    if (!kind) continue;
    told = true;
    const line = first(Number(/\bline (\d+)/.exec(message)?.[1] ?? 1));
    // The text may hold a password: what is quoted of it is left out.
    const shown = message.replace(/:? '.*'?$/, "");
    if (kind === "error") findings.error(line, RULES.debconf, shown);
    else findings.warn(line, RULES.debconf, shown);
  }
  if (code !== 0 && !told)
    findings.error(1, RULES.debconf, `debconf-set-selections ended with ${code} and said nothing`);
}

function shellScripts(installer: Installer, text: string): Script[] {
  const unused = new Findings();
  if (installer === "kickstart") return scriptsOf(parseKickstart(text, unused));
  if (installer === "autoinstall") return autoinstallScripts(text);
  const commands = parsePreseed(text, unused)
    .filter(({ question }) => /_command$/.test(question))
    .map(({ line, question, lines }): Script => ({ name: question, line, lines, shell: "sh" }));
  return [...commands, ...commentScripts(text)];
}

async function checkShells(
  scripts: readonly Script[],
  find: (name: Program) => string | undefined,
  options: ValidateOptions,
  findings: Findings,
  absent: string[],
): Promise<void> {
  for (const { name, shell, lines, line } of scripts) {
    if (!shell) continue;
    const program = find(shell);
    if (!program) {
      absent.push(`${shell} is not installed: the syntax of ${name} was not checked`);
      continue;
    }
    const { output } = await run(program, ["-n"], `${lines.join("\n")}\n`, options);
    for (const whole of output.split("\n")) {
      // bash: `bash: line 3: …`; dash: `/bin/sh: 3: …`
      const [, at, message] = /^[^:]*: (?:line )?(\d+): (.*)$/.exec(whole) ?? [];
      if (!at || !message || /^`/.test(message)) continue;
      const last = line + lines.length - 1;
      findings.error(Math.min(line + Number(at) - 1, last), "shell-syntax", `${name}: ${message}`);
    }
  }
}

function run(
  program: string,
  args: readonly string[],
  input: string,
  { deadlineMs = 30_000, signal }: ValidateOptions,
): Promise<{ code: number; output: string }> {
  return new Promise((resolve, reject) => {
    const child = execFile(
      program,
      args,
      {
        timeout: deadlineMs,
        killSignal: "SIGKILL",
        maxBuffer: 1 << 20,
        env: { ...process.env, LC_ALL: "C" },
        ...(signal && { signal }),
      },
      (error, stdout, stderr) => {
        if (error && (error.name === "AbortError" || error.code === "ENOENT")) reject(error);
        else if (error?.killed)
          reject(new DeadlineError(`${path.basename(program)} was not done within ${deadlineMs / 1_000} s`));
        else resolve({ code: Number(error?.code ?? 0), output: `${stdout}\n${stderr}` });
      },
    );
    // A program that ends before it has read everything is no failure of ours.
    child.stdin?.on("error", () => {});
    child.stdin?.end(input);
  });
}
