import { LabError } from "../../core/errors";
import type { RootShell } from "../../ssh/root-shell";
import type { UserShell } from "../on-node";
import { cloneOf, notesOf } from "../places";
import type { NodeInputs } from "../types";

const CLONE_DEADLINE_S = 900;
export const EXIT = {
  otherRemote: 61,
  edited: 62,
  unreachable: 63,
  noBranch: 64,
  noGit: 65,
  inTheWay: 66,
  notOurs: 67,
  ownCommits: 68,
} as const;

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
  `now=$(git config --get remote.origin.url 2>/dev/null); [ "$now" = "$url" ] || { echo "$now"; exit ${EXIT.otherRemote}; }`,
  `[ -e .git/labplan/of ] || exit ${EXIT.notOurs}`,
  '[ "$(cat .git/labplan/of 2>/dev/null)" != "$of" ] || exit 0',
  // Our own patches are no edits of somebody else's.
  "for p in $(ls -r .git/labplan/patches 2>/dev/null); do",
  '  if git apply --reverse --check ".git/labplan/patches/$p" 2>/dev/null; then git apply --reverse ".git/labplan/patches/$p" || exit 1; fi',
  '  rm -f ".git/labplan/patches/$p"; done',
  `edits=$(git status --porcelain --untracked-files=no); [ -z "$edits" ] || { echo "$edits"; exit ${EXIT.edited}; }`,
  // What we fetched earlier is nobody's own.
  "fetched=$(git rev-parse -q --verify FETCH_HEAD) || fetched=",
  `own=$(git log --oneline -n 10 HEAD --not --remotes --tags $fetched) || exit 1; [ -z "$own" ] || { echo "$own"; exit ${EXIT.ownCommits}; }`,
  '{ git fetch -q --depth 1 origin "$branch" 2>/dev/null || git fetch -q origin "$branch"; } || {',
  `  git ls-remote -q "$url" >/dev/null || exit ${EXIT.unreachable}; exit ${EXIT.noBranch}; }`,
  "git update-ref refs/remotes/labplan/base FETCH_HEAD || exit 1",
  'git checkout -q -B "$branch" FETCH_HEAD || exit 1',
  'mkdir -p .git/labplan/patches && printf "%s\\n" "$of" > .git/labplan/part && mv -f .git/labplan/part .git/labplan/of',
].join("\n");

/** devstack itself, at its branch. What an edit of branch or generation asks for is fetched; nothing else moves it. */
export async function ensureClone(
  account: UserShell,
  inputs: NodeInputs,
  signal: AbortSignal,
): Promise<void> {
  const { name, repo, branch, generation } = inputs;
  const folder = cloneOf(inputs);
  const words = [folder, repo, branch, `${branch} ${generation}`];
  const options = { deadlineS: CLONE_DEADLINE_S, signal, codes: Object.values(EXIT) };
  const { code, stdout, stderr } = await account.run(`clone ${repo}`, CLONE, words, options);
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
    case EXIT.otherRemote:
      throw new LabError(
        `"${name}": ${folder} is a clone of ${stdout.trim() || "nothing"}, not of ${repo}, and is left alone. Move it away, or say that repository.`,
      );
    case EXIT.notOurs:
      throw new LabError(notOurs(inputs));
    case EXIT.ownCommits:
      throw new LabError(
        `"${name}": ${folder} has commits that ${repo} has not:\n${stdout.trimEnd()}\nThey would be lost with another branch. Push them, or make patches of them ("git format-patch", into "patches"), then take them back there ("git reset --hard origin/<branch>").`,
      );
    case EXIT.edited:
      throw new LabError(
        `"${name}": files of ${folder} were edited there:\n${stdout.trimEnd()}\nThey would be lost with another branch. Make a patch of them ("git diff", into "patches"), then undo them there ("git checkout .").`,
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

const LOOK_FOR_OTHERS = '[ ! -e "$1/.git" ] || [ -e "$1/.git/labplan/of" ]';

/** Why the clone that is there is not ours to take over, or undefined. */
export async function foreignClone(
  shell: RootShell,
  inputs: Pick<NodeInputs, "name" | "home">,
): Promise<string | undefined> {
  const { code } = await shell.exec(LOOK_FOR_OTHERS, [cloneOf(inputs)]);
  return code === 1 ? notOurs(inputs) : undefined;
}

/** As devstack's user, `$1` folder of notes: whether there is a clone that we look after. */
export const CLONE_LOOK = '[ -e "$1/of" ] && cat "$1/of" || :';
export const hasClone = async (account: UserShell, inputs: NodeInputs): Promise<boolean> =>
  (await account.run("look at the clone", CLONE_LOOK, [notesOf(inputs)])).stdout.trim() ===
  `${inputs.branch} ${inputs.generation}`;
