import { createHash } from "node:crypto";
import { BackendError } from "../core/errors";
import type { RootShell } from "../ssh/root-shell";

/** Whole files on a node, read and replaced by scripts for any POSIX shell. */

const NONE = 44;
const CHANGED = 46;

const READ = `[ -e "$1" ] || exit ${NONE}; base64 < "$1"`;

/** `$1` file, `$2` bytes, `$3` mode, `$4` digest of what it replaces, or `any`. A container's /etc/hosts cannot be renamed over. */
const WRITE = [
  'umask 022; f=$1; t=$f.labplan-part; mkdir -p "$(dirname "$f")" || exit 1; umask 077',
  'rm -f "$t"; cat > "$t" || { rm -f "$t"; exit 1; }',
  // sshd reads a user's files as that user.
  'if [ -e "$f" ]; then chown --reference="$f" "$t" 2>/dev/null || :; [ "$4" = any ] || set -- "$1" "$2" "$(stat -c %a "$f")" "$4"; fi',
  'chmod "$3" "$t" || { rm -f "$t"; exit 1; }',
  '[ "$(wc -c < "$t")" -eq "$2" ] || { rm -f "$t"; echo "the connection broke" >&2; exit 1; }',
  'now=; [ ! -e "$f" ] || now=$(sha256sum < "$f" | cut -c 1-64)',
  `[ "$4" = any ] || [ "$now" = "$4" ] || { rm -f "$t"; exit ${CHANGED}; }`,
  'mv -f "$t" "$f" 2>/dev/null || { cat "$t" > "$f"; code=$?; rm -f "$t"; exit $code; }',
].join("\n");

/** One character for each byte; undefined when there is no such file. */
export async function readText(shell: RootShell, path: string, as = "root"): Promise<string | undefined> {
  const { code, stdout } = await shell.run(`read ${path}`, READ, [path], { as, codes: [NONE] });
  return code === NONE ? undefined : Buffer.from(stdout, "base64").toString("latin1");
}

const digest = (text: string | undefined): string =>
  text === undefined ? "" : createHash("sha256").update(text, "latin1").digest("hex");

interface WriteOptions {
  as?: string;
  /** Octal. @default 644 */
  mode?: string;
}

/** Replace a file as a whole. The text has one character for each byte. */
export async function writeText(
  shell: RootShell,
  path: string,
  text: string,
  { as = "root", mode = "644" }: WriteOptions = {},
): Promise<void> {
  const stdin = Buffer.from(text, "latin1");
  await shell.run(`write ${path}`, WRITE, [path, `${stdin.length}`, mode, "any"], { as, stdin });
}

/** Somebody who edits the file all the time is not waited for. */
const ATTEMPTS = 5;

/** Edit a file that is not ours alone; what others write meanwhile is kept. Returns whether anything was changed. */
export async function editText(
  shell: RootShell,
  path: string,
  edit: (text: string) => string,
  { as = "root", mode = "644" }: WriteOptions = {},
): Promise<boolean> {
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    const before = await readText(shell, path, as);
    const after = edit(before ?? "");
    if (after === (before ?? "")) return false;
    const stdin = Buffer.from(after, "latin1");
    const words = [path, `${stdin.length}`, mode, digest(before)];
    const { code } = await shell.run(`write ${path}`, WRITE, words, { as, stdin, codes: [CHANGED] });
    if (code === 0) return true;
  }
  throw new BackendError(
    `${shell.target}: somebody writes ${path} all the time, so it could not be changed. See who does, and repeat.`,
  );
}
