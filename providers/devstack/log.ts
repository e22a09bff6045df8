import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Run } from "../core/definition";
import type { UserShell } from "./on-node";
import { RUN } from "./places";
import type { NodeInputs } from "./types";

const HIDDEN = "[secret]";
/** Shorter ones would tear every text to pieces, and are none. */
const LEAST = 3;

const QUOTES = "[\\\\'\"]*";

/** A secret as it is, and as a shell's trace or a reader of settings shows it: with quotes and backslashes in between. */
const shown = (secret: string): string =>
  [...secret]
    .map((one) =>
      /[A-Za-z0-9]/.test(one) ? one : `${QUOTES}${one.replace(/[\\^$.*+?()[\]{}|/-]/g, "\\$&")}${QUOTES}`,
    )
    .join("");

/** A text without secrets, longest first so that one that holds another is hidden as a whole. */
export function masked(text: string, secrets: Iterable<string>): string {
  const sorted = [...new Set(secrets)]
    .filter((secret) => secret.length >= LEAST)
    .sort((a, b) => b.length - a.length);
  return sorted.reduce(
    (rest, secret) =>
      rest.replaceAll(encodeURIComponent(secret), HIDDEN).replace(new RegExp(shown(secret), "g"), HIDDEN),
    text,
  );
}

const MOST_BYTES = 4_000_000;

/** `$1` script, `$2` home, `$3` bytes: the end of what it said, and of what devstack wrote to its own log. */
const FETCH = [
  `tail -c "$3" ${RUN}/$1.log 2>/dev/null`,
  'if [ "$1" = stack.sh ] && [ -e "$2/logs/stack.sh.log" ]; then echo; echo "--- logs/stack.sh.log ---"; tail -c "$3" "$2/logs/stack.sh.log"; fi; :',
].join("\n");

/** Where logs of failures are kept on our machine. */
export const logFolder = (stack: string): string => join(process.cwd(), ".labplan", "logs", stack);

/** Get the log of a script that failed onto our machine; returns the path, or undefined where that did not work. */
export async function fetchLog(
  account: UserShell,
  inputs: Pick<NodeInputs, "name" | "home">,
  script: string,
  secrets: Iterable<string>,
  run: Pick<Run, "mark" | "now">,
): Promise<string | undefined> {
  try {
    const { stdout } = await account.run("fetch the log", FETCH, [script, inputs.home, `${MOST_BYTES}`]);
    const folder = logFolder(run.mark.stack);
    await mkdir(folder, { recursive: true, mode: 0o700 });
    const time = run.now().toISOString().replaceAll(/[:.]/g, "-");
    const path = join(folder, `${inputs.name.replaceAll(/[^A-Za-z0-9._-]/g, "_")}-${time}.log`);
    await writeFile(path, masked(stdout, secrets), { mode: 0o600 });
    return path;
  } catch {
    // The failure itself is what must be told.
    return undefined;
  }
}
