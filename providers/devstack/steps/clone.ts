import { LabError } from "../../core/errors";
import type { ExecResult } from "../../ssh/client";
import type { RootShell } from "../../ssh/root-shell";
import type { UserShell } from "../on-node";
import { cloneOf } from "../places";
import type { NodeInputs } from "../types";
import { GIT_DEADLINE_S } from "./work";

export const EXIT = {
  edited: 62,
  unreachable: 63,
  noBranch: 64,
  noGit: 65,
  inTheWay: 66,
  notOurs: 67,
  ownCommits: 68,
} as const;

/** A clone that a removal left there for somebody's files in it, and that nobody has stacked out of since. */
const isLeft = (folder: string): string =>
  `{ [ -e "${folder}/.git/labplan/left" ] && [ ! -e "${folder}/.stackenv" ]; }`;

/** In a clone: our own patches are no edits of somebody else's. `$back`: those that were taken back, first one first. */
const TAKE_BACK = [
  "back=; for p in $(ls -r .git/labplan/patches 2>/dev/null); do",
  '  if git apply --reverse --check ".git/labplan/patches/$p" 2>/dev/null; then git apply --reverse ".git/labplan/patches/$p" || exit 1; back="$p $back"; fi; done',
].join("\n");

/** In a clone, `$branch`: somebody's work, which that one would make an end of. A branch of that name is made anew. */
const FIND_WORK = [
  "edits=$(git status --porcelain --untracked-files=no) || exit 1",
  // What we fetched earlier is nobody's own.
  "fetched=$(git rev-parse -q --verify FETCH_HEAD) || fetched=",
  'mine=; ! git show-ref -q --verify "refs/heads/$branch" || mine=refs/heads/$branch',
  "own=$(git log --oneline -n 10 HEAD $mine --not --remotes --tags $fetched) || exit 1",
].join("\n");
const TELL_WORK = [
  `[ -z "$edits" ] || { echo "$edits"; exit ${EXIT.edited}; }`,
  `[ -z "$own" ] || { echo "$own"; exit ${EXIT.ownCommits}; }`,
].join("\n");

/** In a clone, `$url` and `$of`: it is of that already. */
const IS_OF =
  '[ "$(cat .git/labplan/of 2>/dev/null)" = "$of" ] && [ "$(git config --get remote.origin.url)" = "$url" ]';

/** As `CLONE`, and nothing is changed: says `moves` where it would be moved; refuses over somebody's work. */
const LOOK_AHEAD = [
  'url=$2 branch=$3 of=$4 back=; cd "$1" 2>/dev/null && [ -e .git/labplan/of ] || exit 0',
  `command -v git >/dev/null 2>&1 || exit ${EXIT.noGit}`,
  `if ${IS_OF}; then exit 0; fi`,
  // Patches would have to be taken back for a moment.
  '[ -z "$5" ] || [ -z "$(ls .git/labplan/patches 2>/dev/null)" ] || exit 0',
  // Whatever comes in between.
  'put_back() { for p in $back; do git apply --whitespace=nowarn ".git/labplan/patches/$p" || return 1; done; }',
  "trap 'code=$?; put_back || code=1; exit $code' EXIT; trap 'exit 1' HUP INT TERM",
  TAKE_BACK,
  FIND_WORK,
  TELL_WORK,
  "echo moves",
].join("\n");

/**
 * As devstack's user: `$1` folder, `$2` URL, `$3` branch or tag, `$4` what it is of (branch and generation). A clone
 * that is of that already stays as it is. A new one takes its place as a whole; says `made` then.
 */
const CLONE = [
  `command -v git >/dev/null 2>&1 || exit ${EXIT.noGit}`,
  "export GIT_TERMINAL_PROMPT=0",
  "d=$1 url=$2 branch=$3 of=$4 part=$1.labplan-part",
  'if [ ! -d "$d/.git" ]; then',
  `  if [ -e "$d" ] && [ -n "$(ls -A "$d" 2>/dev/null)" ]; then exit ${EXIT.inTheWay}; fi`,
  '  rm -rf "$part"',
  // A plain HTTP server without git's own service cannot give a part of the history.
  '  git clone -q --depth 1 --branch "$branch" "$url" "$part" 2>/dev/null || { rm -rf "$part"; git clone -q --branch "$branch" "$url" "$part"; } || {',
  `    rm -rf "$part"; git ls-remote -q "$url" >/dev/null || exit ${EXIT.unreachable}; exit ${EXIT.noBranch}; }`,
  // Commits behind it are the repository's; a clone of a tag has no branch of it that would say so.
  '  git -C "$part" update-ref refs/remotes/labplan/base HEAD || exit 1',
  '  mkdir -p "$part/.git/labplan/patches" && printf "%s\\n" "$of" > "$part/.git/labplan/of" && : > "$part/.git/labplan/made" || exit 1',
  '  rmdir "$d" 2>/dev/null; mv "$part" "$d" && echo made; exit',
  "fi",
  'cd "$d" || exit 1',
  `[ -e .git/labplan/of ] || { ${isLeft(".")} && mv .git/labplan/left .git/labplan/of; } || exit ${EXIT.notOurs}`,
  `if ${IS_OF}; then exit 0; fi`,
  TAKE_BACK,
  "rm -f .git/labplan/patches/*",
  FIND_WORK,
  TELL_WORK,
  '{ git fetch -q --depth 1 "$url" "$branch" 2>/dev/null || git fetch -q "$url" "$branch"; } || {',
  `  git ls-remote -q "$url" >/dev/null || exit ${EXIT.unreachable}; exit ${EXIT.noBranch}; }`,
  'git update-ref "refs/remotes/labplan/at/$branch" FETCH_HEAD || exit 1',
  'git checkout -q -B "$branch" FETCH_HEAD || exit 1',
  // Last: a clone that has this URL and is of this branch is taken for done.
  'git remote set-url origin "$url" 2>/dev/null || git remote add origin "$url" || exit 1',
  'mkdir -p .git/labplan/patches && printf "%s\\n" "$of" > .git/labplan/part && mv -f .git/labplan/part .git/labplan/of',
].join("\n");

const wordsOf = (inputs: NodeInputs): string[] => {
  const { repo, branch, generation } = inputs;
  return [cloneOf(inputs), repo, branch, `${branch} ${generation}`];
};

/**
 * devstack itself, at its branch. What an edit of repository, branch or generation asks for is fetched; nothing else
 * moves it.
 */
export async function ensureClone(
  account: UserShell,
  inputs: NodeInputs,
  signal: AbortSignal,
): Promise<void> {
  const options = { deadlineS: GIT_DEADLINE_S, signal, codes: Object.values(EXIT) };
  refuse(inputs, await account.run(`clone ${inputs.repo}`, CLONE, wordsOf(inputs), options));
}

/**
 * Before anything is taken back: whether the clone will be moved. Refuses over somebody's work in it. Read only, one with
 * patches of ours in it is not looked at.
 */
export async function cloneMoves(
  account: UserShell,
  inputs: NodeInputs,
  signal: AbortSignal,
  how: "read only" | "" = "",
): Promise<boolean> {
  const codes = [EXIT.noGit, EXIT.edited, EXIT.ownCommits];
  const options = { deadlineS: GIT_DEADLINE_S, signal, codes };
  const found = await account.run("look at the clone", LOOK_AHEAD, [...wordsOf(inputs), how], options);
  refuse(inputs, found);
  return found.stdout.trim() === "moves";
}

function refuse(inputs: NodeInputs, { code, stdout, stderr }: ExecResult): void {
  const { name, repo, branch } = inputs;
  const folder = cloneOf(inputs);
  const said = stderr.trim().split("\n").slice(-3).join("\n");
  switch (code) {
    case EXIT.noGit:
      throw new LabError(
        `"${name}": there is no git. Let devstack:Host install it, or put it into the image.`,
      );
    case EXIT.inTheWay:
      throw new LabError(
        `"${name}": ${folder} is there, and is no git clone. Move it away, or name another home.`,
      );
    case EXIT.notOurs:
      throw new LabError(notOurs(inputs));
    case EXIT.ownCommits:
      throw new LabError(
        `"${name}": ${folder} has commits that ${repo} has not:\n${stdout.trimEnd()}\nThey would be lost with another branch or repository. Push them, or make patches of them ("git format-patch", into "patches"), then take them back there ("git reset --hard origin/<branch>"; "git branch -m <branch> <name>" keeps those of a branch that is not checked out).`,
      );
    case EXIT.edited:
      throw new LabError(
        `"${name}": files of ${folder} were edited there:\n${stdout.trimEnd()}\nThey would be lost with another branch or repository. Make a patch of them ("git diff", into "patches"), then undo them there ("git checkout .").`,
      );
    case EXIT.unreachable:
      throw new LabError(
        `"${name}": ${repo} cannot be reached from there: ${said}. Check the URL, its name server and its way out.`,
      );
    case EXIT.noBranch:
      throw new LabError(`"${name}": ${repo} has no branch or tag "${branch}": ${said}`);
    default:
  }
}

const notOurs = (inputs: Pick<NodeInputs, "name" | "home">): string =>
  `"${inputs.name}": ${cloneOf(inputs)} is a clone of devstack that labplan did not make, and is left alone, with what is stacked out of it. Unstack it and move it away, or take another machine.`;

const LOOK_FOR_OTHERS = `[ ! -e "$1/.git" ] || [ -e "$1/.git/labplan/of" ] || ${isLeft("$1")}`;

/** Why the clone that is there is not ours to take over, or undefined. */
export async function foreignClone(
  shell: RootShell,
  inputs: Pick<NodeInputs, "name" | "home">,
): Promise<string | undefined> {
  const { code } = await shell.exec(LOOK_FOR_OTHERS, [cloneOf(inputs)]);
  return code === 1 ? notOurs(inputs) : undefined;
}
