import { LabError } from "../../core/errors";
import { linesOf } from "../lines";
import type { UserShell } from "../on-node";
import { cloneOf, RECLONE, RUN } from "../places";
import type { NodeInputs } from "../types";
import type { NodeRun } from "./follow";
import { GIT_DEADLINE_S, someOf, WORK } from "./work";

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
 * As devstack's user, `$1` DEST, then names of branches: somebody's work that stack.sh would make an end of, `project:
 * what` a line. It leaves stashes, new files and branches that it does not check out as they are (`git_update_branch`).
 */
const FIND_WORK = [
  'cd "$1" 2>/dev/null || exit 0; shift; named=" $* "',
  WORK,
  'at_risk() { head_of "$1"; git -C "$1" for-each-ref --format=\'%(refname:lstrip=2)\' refs/heads | while read -r b; do',
  '  case $named in *" $b "*) echo "refs/heads/$b" ;; *) ! git -C "$1" show-ref -q --verify "refs/remotes/origin/$b" || echo "refs/heads/$b" ;; esac; done; }',
  'risked_in() { edits_in "$1" no && refs=$(at_risk "$1") && commits_in "$1" $refs; }',
  `for d in */.git; do [ -e "$d" ] || continue; d=\${d%/.git}`,
  "  case $d in devstack | labplan | *.labplan-part | *.labplan-[0-9]*) continue ;; esac",
  // Without an index it was never checked out: stack.sh was ended by then.
  '  if [ -d "$d/.git" ] && [ ! -e "$d/.git/index" ]; then continue; fi',
  '  tell "$d" risked_in',
  "done",
].join("\n");

/**
 * As devstack's user, `$1` DEST, then projects of which a commit is wanted, in small letters alone. What devstack did to
 * the constraints would keep git from another branch.
 */
const MAKE_READY = [
  `[ -d ${RUN} ] || exit 0; : > ${RECLONE} && cd "$1" || exit 1; shift`,
  WORK,
  'for d in */; do [ ! -e "$d/.git" ] || [ ! -e "$d/upper-constraints.txt" ] || git -C "$d" checkout -q -- upper-constraints.txt || exit 1; done',
  // Of a ref that is neither branch nor tag devstack makes nothing but a new clone.
  `for d in */; do d=\${d%/}; [ -e "$d/.git" ] || continue; n=$(printf %s "$d" | tr "A-Z" "a-z" | tr -cd "a-z0-9")`,
  '  [ "$d" != devstack ] && [ "$d" != labplan ] || continue',
  `  case " $* " in *" $n "* | *" \${n#python} "*) ;; *) continue ;; esac`,
  '  if found=$(all_in "$d") && [ -z "$found" ]; then rm -rf "$d" || exit 1; continue; fi',
  '  aside=$d.labplan-$(date +%s); mv "$d" "$aside" || exit 1; echo "$d $aside"; done',
].join("\n");

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

const sourceLines = (localConf: string): string[] =>
  (LOCALRC.exec(localConf)?.[1] ?? "").split("\n").filter((line) => SOURCE.test(line));

const unquoted = (word: string): string => word.replace(/^(['"])(.*)\1$/, "$2");

/** Which ref of what, as local.conf has them: of a plugin, or of a project of devstack's own by its variable. */
const refsIn = (localConf: string): { of: string; ref: string }[] =>
  sourceLines(localConf).flatMap((line) => {
    const [, of, ref] =
      /^enable_plugin (\S+) \S+ (\S+)$/.exec(line) ?? /^([A-Z0-9_]+)_BRANCH=(\S+)$/.exec(line) ?? [];
    return of === undefined || ref === undefined ? [] : [{ of, ref: unquoted(ref) }];
  });

/** Shorter ones devstack cannot fetch, and a branch or a tag may be called so. */
const COMMIT = /^[0-9a-f]{40}$/;

/** Whether projects that are there would come from somewhere else by now. One that is new is cloned anyway. */
export function sourcesDiffer(before: readonly string[], localConf: string): boolean {
  const now = sourcesIn(sourceLines(localConf));
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
  const lines = linesOf(stdout);
  const rest = lines.slice(lines.indexOf("known") + 1);
  const moves =
    cloneMoves ||
    lines[0] === "reclone" ||
    (lines.includes("known") && sourcesDiffer(rest, inputs.localConf));
  if (!moves) return false;
  // Where no line of local.conf has one.
  const refs = [branch, "master", ...refsIn(inputs.localConf).map(({ ref }) => ref)];
  const found = await account.run("look at the projects", FIND_WORK, [home, ...refs], {
    deadlineS: GIT_DEADLINE_S,
  });
  const work = linesOf(found.stdout);
  if (work.length > 0)
    throw new LabError(
      `"${name}": stack.sh would have the projects below ${home} follow to where they come from by now (RECLONE), and somebody's work is in them:\n${someOf(work)}\nIt would be lost, so nothing is taken back or stacked. Keep it: push the commits, or leave them on a branch of another name ("git switch -c <name>", "git switch --detach origin/<branch>"); "git stash" the edits; and repeat. A clone of something else, or one that git cannot look into, belongs into another folder. Or take the edit of branch, repository, plugin or "generation" back: as it is stacked, it stays.`,
    );
  return true;
}

/**
 * Once nothing stands any more: the next stack.sh, and those after it until one succeeds, have the projects follow.
 * Those of which local.conf wants a commit make room for a new clone.
 */
export async function haveProjectsFollow(
  account: UserShell,
  inputs: NodeInputs,
  run: Pick<NodeRun, "say" | "signal">,
): Promise<void> {
  const commits = refsIn(inputs.localConf).filter(({ ref }) => COMMIT.test(ref));
  const words = [inputs.home, ...commits.map(({ of }) => of.toLowerCase().replaceAll(/[^a-z0-9]/g, ""))];
  const options = { deadlineS: GIT_DEADLINE_S, signal: run.signal };
  const { stdout } = await account.run("have the projects follow", MAKE_READY, words, options);
  for (const line of linesOf(stdout)) {
    const [project, aside] = line.split(" ");
    run.say(
      `"${inputs.name}": ${inputs.home}/${project} is pinned to a commit, so devstack can only clone it anew. Something of somebody's is in it: it was moved to ${inputs.home}/${aside}. Remove that when nobody needs it any more.`,
      "warning",
    );
  }
}
