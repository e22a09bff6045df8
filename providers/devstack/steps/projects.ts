import { LabError } from "../../core/errors";
import type { UserShell } from "../on-node";
import { cloneOf, RECLONE, RUN } from "../places";
import type { NodeInputs } from "../types";

/**
 * The clones of nova, neutron, plugins and the like beside devstack's own. stack.sh leaves those that are there as they
 * are, unless RECLONE is set: then it fetches each and checks its branch out by force, which makes an end of edits and
 * of commits of that branch (devstack's functions-common, `git_clone` and `git_update_branch`).
 */

/** As devstack's user, `$1` devstack's folder: lines of its local.conf that say where projects come from. */
const SOURCES = [
  `[ ! -e ${RECLONE} ] || echo reclone; cd "$1" 2>/dev/null && [ -r local.conf ] || exit 0; echo known`,
  "sed -n '/^\\[\\[local|localrc\\]\\]/,/^\\[\\[[^l]/p' local.conf | grep -E '^(GIT_BASE|[A-Z0-9_]+_(REPO|BRANCH))=|^enable_plugin ' || :",
].join("\n");

/**
 * As devstack's user, `$1` DEST, `$2` branch: what is somebody's in the projects there, `project: what` a line. Where
 * it has to do so, devstack itself takes packages out of the constraints, or has them come from here.
 */
const FIND_WORK = [
  // Without an index it was never checked out: stack.sh was ended by then.
  'cd "$1" || exit 0; for index in */.git/index; do [ -e "$index" ] || continue; d=$(dirname "$(dirname "$index")")',
  "  case $d in devstack | devstack.labplan-part | labplan) continue ;; esac",
  '  git -C "$d" status --porcelain --untracked-files=no 2>/dev/null | while IFS= read -r line; do',
  '    if [ "$line" = " M upper-constraints.txt" ] && ! git -C "$d" diff -U0 upper-constraints.txt | grep "^+[^+]" | grep -qv "file://"; then continue; fi',
  '    echo "$d:$line"; done',
  // Its own branch is made anew; others stay as they are.
  '  mine=HEAD; git -C "$d" show-ref -q --verify "refs/heads/$2" && mine="HEAD refs/heads/$2"',
  '  fetched=$(git -C "$d" rev-parse -q --verify FETCH_HEAD) || fetched=',
  '  git -C "$d" log --format="$d: commit %h %s" -n 5 $mine --not --remotes --tags $fetched 2>/dev/null',
  "done",
].join("\n");

/** As `FIND_WORK`; what devstack did to the constraints would keep git from another branch. */
const MAKE_READY = [
  `[ -d ${RUN} ] || exit 0; : > ${RECLONE} && cd "$1" || exit 1`,
  'for d in */; do [ ! -e "$d/.git" ] || [ ! -e "$d/upper-constraints.txt" ] || git -C "$d" checkout -q -- upper-constraints.txt || exit 1; done',
  // Of a ref that is neither branch nor tag devstack makes nothing but a new clone.
  'shift; for d; do rm -rf "$d" || exit 1; done',
].join("\n");

const LISTED = 20;

/** By what it is about: a variable, a plugin. */
function sourcesIn(lines: readonly string[]): Map<string, string> {
  return new Map(
    lines.flatMap((line): [string, string][] => {
      const [, name = "", value = ""] = /^enable_plugin (\S+) (.*)$/.exec(line) ?? [];
      if (name !== "") return name === "labplan" ? [] : [[`plugin ${name}`, value]];
      const at = line.indexOf("=");
      return at < 0 ? [] : [[line.slice(0, at), line.slice(at + 1)]];
    }),
  );
}

const LOCALRC = /^\[\[local\|localrc\]\]\n([\s\S]*?)(?=^\[\[|(?![\s\S]))/m;
const SOURCE = /^(?:(?:GIT_BASE|[A-Z0-9_]+_(?:REPO|BRANCH))=|enable_plugin )/;

/** Whether projects that are there would come from somewhere else by now. One that is new is cloned anyway. */
export function sourcesDiffer(before: readonly string[], localConf: string): boolean {
  const now = sourcesIn((LOCALRC.exec(localConf)?.[1] ?? "").split("\n").filter((line) => SOURCE.test(line)));
  const old = sourcesIn(before);
  return [...new Set([...old.keys(), ...now.keys()])].some((key) => {
    const [was, is] = [old.get(key), now.get(key)];
    if (was === is || is?.includes("{{secret:")) return false;
    return !key.startsWith("plugin ") || (was !== undefined && is !== undefined);
  });
}

/** Whether the projects must follow with the next stack.sh, and refuse over somebody's work in one. */
export async function projectsMove(
  account: UserShell,
  inputs: NodeInputs,
  cloneMoves: boolean,
): Promise<boolean> {
  const { name, home, branch } = inputs;
  const { stdout } = await account.run("look where projects are from", SOURCES, [cloneOf(inputs)]);
  const lines = stdout.split("\n").filter((line) => line !== "");
  const rest = lines.slice(lines.indexOf("known") + 1);
  const moves =
    cloneMoves ||
    lines[0] === "reclone" ||
    (lines.includes("known") && sourcesDiffer(rest, inputs.localConf));
  if (!moves) return false;
  const found = await account.run("look at the projects", FIND_WORK, [home, branch]);
  const work = found.stdout.split("\n").filter((line) => line !== "");
  const listed = [
    ...work.slice(0, LISTED),
    ...(work.length > LISTED ? [`and ${work.length - LISTED} more`] : []),
  ];
  if (work.length > 0)
    throw new LabError(
      `"${name}": stack.sh would have the projects below ${home} follow to where they come from by now (RECLONE), and somebody's work is in them:\n${listed.join("\n")}\nIt would be lost, so nothing is taken back or stacked. Push the commits ("git push <remote> HEAD:<branch>"), keep edits ("git diff > <file>") and undo them ("git checkout ."), and repeat. A clone of something else belongs into another folder. Or take the edit of branch, repository, plugin or "generation" back: as it is stacked, it stays.`,
    );
  return true;
}

/** Once nothing stands any more: the next stack.sh, and those after it until one succeeds, have the projects follow. */
export async function haveProjectsFollow(account: UserShell, inputs: NodeInputs): Promise<void> {
  const commits = [...inputs.localConf.matchAll(/^enable_plugin (\S+) \S+ '?[0-9a-f]{7,40}'?$/gm)];
  const words = [inputs.home, ...commits.map(([, plugin = ""]) => plugin)];
  await account.run("have the projects follow", MAKE_READY, words);
}
