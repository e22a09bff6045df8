import { createHash } from "node:crypto";
import { LabError } from "../../core/errors";
import type { UserShell } from "../on-node";
import { cloneOf } from "../places";
import type { NodeInputs } from "../types";

export const EXIT = { refused: 62 } as const;

/**
 * `$1` folder, then `name id` of each that is wanted, its id being git's own of the text: patches of ours that are
 * none of these are taken back, last first.
 */
const KEEP = [
  'cd "$1" || exit 1; shift; mkdir -p .git/labplan/patches',
  "stale=; for p in $(ls .git/labplan/patches); do keep=; for want; do",
  '  [ "$want" != "$p $(git hash-object --no-filters ".git/labplan/patches/$p")" ] || keep=yes; done',
  // What lies upon one that goes must go first.
  '  [ -n "$keep" ] && [ -z "$stale" ] || stale="$p $stale"; done',
  "for p in $stale; do",
  '  if git apply --reverse --check ".git/labplan/patches/$p" 2>/dev/null; then git apply --reverse ".git/labplan/patches/$p" || exit 1; fi',
  '  rm -f ".git/labplan/patches/$p"; done',
  // Somebody took them back: what is noted of them is no longer so.
  'last=$(ls .git/labplan/patches | tail -n 1); [ -z "$last" ] || git apply --reverse --check ".git/labplan/patches/$last" 2>/dev/null || rm -f .git/labplan/patches/*',
].join("\n");

/** `$1` folder, `$2` name; the patch on standard input. One that is in already is done. */
const APPLY = [
  'cd "$1" || exit 1; t=.git/labplan/patch-part; cat > "$t" || exit 1',
  // A later one may lie upon it, so that it could not be taken back by itself.
  'if cmp -s "$t" ".git/labplan/patches/$2"; then rm -f "$t"; exit 0; fi',
  'if git apply --reverse --check "$t" 2>/dev/null; then :',
  `elif git apply --check "$t"; then git apply --whitespace=nowarn "$t" || exit 1`,
  `else rm -f "$t"; exit ${EXIT.refused}; fi`,
  'mkdir -p .git/labplan/patches && mv -f "$t" ".git/labplan/patches/$2"',
].join("\n");

/** The patches, in the order of their names; one that is no longer wanted is taken back. */
export async function ensurePatches(account: UserShell, inputs: NodeInputs): Promise<void> {
  const folder = cloneOf(inputs);
  const wanted = Object.entries(inputs.patches).sort(([a], [b]) => (a < b ? -1 : 1));
  const keep = wanted.map(([name, text]) => `${name} ${blobId(text)}`);
  await account.run("take back patches", KEEP, [folder, ...keep]);
  for (const [name, text] of wanted) {
    const { code, stderr } = await account.run(`apply patch ${name}`, APPLY, [folder, name], {
      stdin: text,
      codes: [EXIT.refused],
    });
    if (code === EXIT.refused)
      throw new LabError(
        `"${inputs.name}": patch "${name}" does not fit onto branch ${inputs.branch}: ${stderr.trim().split("\n")[0]}. Rebase it, or take it out of "patches".`,
      );
  }
}

function blobId(text: string): string {
  const bytes = Buffer.from(text);
  return createHash("sha1").update(`blob ${bytes.length}\0`).update(bytes).digest("hex");
}
