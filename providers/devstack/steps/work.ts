import type { RootShell } from "../../ssh/root-shell";
import { linesOf } from "../lines";
import { hasUser, UserShell } from "../on-node";

/** git may be at it for minutes: clones are big, and disks of nodes slow. */
export const GIT_DEADLINE_S = 900;

/** git asks whose a clone is; root may look into any. */
const ANY_OWNER = "export GIT_CONFIG_COUNT=1 GIT_CONFIG_KEY_0=safe.directory GIT_CONFIG_VALUE_0='*'";

/**
 * Shell functions, of clones below the folder that the script is in: what is somebody's in one, a line each. A look
 * that fails is no answer: its code is not 0.
 * - `edits_in <clone> <untracked>`: `no` new files, or `normal`. Where it has to do so, devstack itself takes packages
 *   out of the constraints, or has them come from here
 * - `commits_in <clone> <ref>…`: those that nobody fetched
 * - `all_in <clone>`: whatever would go with its folder
 * - `tell <clone> <function> <word>…`: the lines with its name before them; that git cannot look is one
 */
export const WORK = [
  'export GIT_CEILING_DIRECTORIES="$PWD" GIT_OPTIONAL_LOCKS=0',
  'edits_in() { edits=$(git -C "$1" status --porcelain "--untracked-files=$2") || return 1',
  '  [ -z "$edits" ] || printf "%s\\n" "$edits" | while IFS= read -r line; do',
  '    if [ "$line" = " M upper-constraints.txt" ] && ! git -C "$1" diff -U0 upper-constraints.txt | grep "^+[^+]" | grep -qv "file://"; then continue; fi',
  '    printf "%s\\n" "$line"; done; }',
  'commits_in() { at=$1; shift; [ $# -gt 0 ] || return 0; fetched=$(git -C "$at" rev-parse -q --verify FETCH_HEAD) || fetched=',
  '  git -C "$at" log --format="commit %h %s" -n 5 "$@" --not --remotes --tags $fetched; }',
  // Before the first commit there is no HEAD to ask about.
  'head_of() { git -C "$1" rev-parse -q --verify HEAD >/dev/null && echo HEAD || :; }',
  'all_in() { edits_in "$1" normal && commits_in "$1" $(head_of "$1") --branches && git -C "$1" stash list; }',
  'tell() { lines=$("$2" "$1" "$3" $4 2>/dev/null) || lines="git cannot look there: $("$2" "$1" "$3" $4 2>&1 >/dev/null | head -n 1)"',
  '  [ -z "$lines" ] || printf "%s\\n" "$lines" | while read -r line; do printf "%s: %s\\n" "$1" "$line"; done; }',
].join("\n");

/** `$1` home: `clone: what` a line. Our plugin's own clone has nothing of anybody's. */
const FIND_ALL = [
  'cd "$1" 2>/dev/null || exit 0',
  WORK,
  `for d in */.git; do [ -e "$d" ] || continue; d=\${d%/.git}; [ "$d" = labplan ] || tell "$d" all_in; done`,
].join("\n");

/** Whatever would be lost with the clones in a home; as its user, or as root where that one is gone. */
export async function workBelow(shell: RootShell, of: { user: string; home: string }): Promise<string[]> {
  const isThere = await hasUser(shell, of);
  const script = isThere ? FIND_ALL : `${ANY_OWNER}\n${FIND_ALL}`;
  const options = { deadlineS: GIT_DEADLINE_S };
  const as = isThere ? new UserShell(shell, of) : shell;
  const { stdout } = await as.run("look at the clones", script, [of.home], options);
  return linesOf(stdout);
}

const LISTED = 20;

/** The first of them, and how many more. */
export const someOf = (lines: readonly string[]): string =>
  [...lines.slice(0, LISTED), ...(lines.length > LISTED ? [`and ${lines.length - LISTED} more`] : [])].join(
    "\n",
  );
