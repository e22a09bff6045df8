import { type FailureClass, VBoxManageMissing, VirtualBoxError } from "./errors";
import type { RunResult } from "./runner";

/**
 * Texts of failures that pass, and that changed nothing: a session that another process has open, a VBoxSVC that is
 * starting or ending (measured on 7.2.22 with 4 to 16 calls at once; the last three also in src/VBox/Main).
 */
const PASSING: readonly RegExp[] = [
  /already locked for a session \(or being unlocked\)/,
  /already has a lock request pending/,
  /is already locked by a session \(or being locked or unlocked\)/,
  /The object is not ready/,
  /was unlocked unexpectedly while attempting to share its session/,
  /Failed to assign the machine to the session \(E_ACCESSDENIED\)/,
  /Failed to create the VirtualBox object!/,
  /NS_ERROR_ABORT/,
];

const INVALID_OBJECT_STATE = "VBOX_E_INVALID_OBJECT_STATE";
/** A snapshot with children stays one, however often it is asked for. */
const LASTING_STATE = /snapshot|child/i;

/** "Does not exist" where VirtualBox has no code of its own for it: command, and what it says (measured on 7.2.22). */
const GONE: readonly [command: RegExp, text: RegExp][] = [
  [/^(showmediuminfo|closemedium)/, /Could not find file for the medium '.*' \(VERR_FILE_NOT_FOUND\)/],
  // A UUID that is registered nowhere is taken for a file name.
  [/^(showmediuminfo|closemedium)/, /The given path '[0-9a-f-]{36}' is not fully qualified/],
  [/^snapshot/, /Could not find a snapshot/],
  [/^natnetwork (modify|remove)/, /NATNetwork server does not exist/],
  [/^dhcpserver (modify|remove)/, /(Failed to find DHCP server for network|DHCP server does not exist)/],
  [/^hostonlyif (remove|ipconfig)/, /The host network interface named '.*' could not be found/],
  [/^storage(ctl|attach)/, /Could not find a controller named/],
];
const NOT_FOUND = "VBOX_E_OBJECT_NOT_FOUND";

/** The wrapper of Debian's package writes this to stdout, of Oracle's to stderr; a tab begins the lines that follow. */
const WRAPPER_WARNING =
  /^WARNING: The (character device|vboxdrv kernel module)[^\n]*\n(?:(?:[\t ][^\n]*)?\n)*/;

/** Stdout without the WARNING that VirtualBox's wrapper puts before every output while the kernel module is missing. */
export const withoutWarning = (output: string): string => output.replace(WRAPPER_WARNING, "");

/** Reads what VBoxManage said. An exit code of 0 with an error text is an error, too. */
export function failureOf(
  label: string,
  argv: readonly string[],
  result: RunResult,
): VirtualBoxError | VBoxManageMissing | undefined {
  const errors = errorLines(result.stderr);
  if (result.code === 0 && errors.length === 0) return undefined;
  const command = commandOf(argv);
  const who = `${label}: VBoxManage ${command}`;
  if (errors.length === 0 && (result.code === 126 || result.code === 127))
    return new VBoxManageMissing(
      `${who} could not be run (exit code ${result.code}): ${lastLines(result.stderr)}. Is VirtualBox installed in full there?`,
    );
  const { code, texts } = detailsOf(errors);
  const said =
    texts.join(". ") ||
    `ended with exit code ${result.code} and said: ${lastLines(`${result.stdout}\n${result.stderr}`)}`;
  const suffix = code === "" || said.includes(code) ? "" : ` (${code})`;
  return new VirtualBoxError(`${who}: ${said}${suffix}`, {
    code,
    failure: classify(command, code, said),
    exit: result.code,
  });
}

function classify(command: string, code: string, text: string): FailureClass {
  if (PASSING.some((pattern) => pattern.test(text)) || code === "NS_ERROR_ABORT") return "retryable";
  if (code === INVALID_OBJECT_STATE) return LASTING_STATE.test(text) ? "final" : "retryable";
  if (code === NOT_FOUND) return "gone";
  const gone = GONE.some(([of, pattern]) => of.test(command) && pattern.test(text));
  return gone ? "gone" : "final";
}

/** `modifyvm`, `snapshot delete`: names of things and their values stay out of it. */
export function commandOf(argv: readonly string[]): string {
  const [command = "", ...rest] = argv;
  const verbs: Record<string, number> = {
    natnetwork: 0,
    dhcpserver: 0,
    hostonlyif: 0,
    sharedfolder: 0,
    list: 0,
    snapshot: 1,
    controlvm: 1,
  };
  const at = verbs[command];
  return at === undefined ? command : `${command} ${rest[at] ?? ""}`.trimEnd();
}

const errorLines = (stderr: string): string[] =>
  stderr
    .replaceAll("\r", "\n")
    .split("\n")
    .filter((line) => line.includes("VBoxManage: error: "))
    .map((line) => line.slice(line.indexOf("VBoxManage: error: ") + "VBoxManage: error: ".length).trim());

function detailsOf(lines: string[]): { code: string; texts: string[] } {
  let code = "";
  const texts: string[] = [];
  for (const line of lines) {
    const found = /^(?:Details: code|Code) (\w+) \(0x/.exec(line);
    if (found && code === "") code = found[1] ?? "";
    const isDetail = line.startsWith("Details: ") || line.startsWith("Context: ");
    if (line !== "" && !isDetail && !texts.includes(line)) texts.push(line);
  }
  return { code, texts };
}

function lastLines(text: string): string {
  const lines = withoutWarning(text)
    .split(/[\r\n]/)
    .map((line) => line.trim())
    .filter((line) => line !== "");
  return lines.slice(-3).join(" / ") || "nothing";
}
