import { hostname } from "node:os";
import type { Run } from "../core/definition";
import { isAway } from "../ssh/machine-login";
import type { NodeNote } from "./node.handlers";
import { ourNote, readNote } from "./note";
import { hasUser, NodeLink, UserShell } from "./on-node";
import { COMPUTE_ID, cloneOf, HOOK, JOURNAL, NODE_NOTE, RUN, RUNNER } from "./places";
import { poll } from "./poll";
import { guard, type Work } from "./steps/follow";
import { refuseWithServers } from "./steps/servers";
import { runUndo, undo } from "./steps/undo";
import { GIT_DEADLINE_S, WORK } from "./steps/work";
import type { NodeState } from "./types";

/**
 * As devstack's user, `$1` clone, `$2` home: what we put into the clone goes, and the clone with it when we made it
 * and neither files nor commits of somebody else's are in it. Says what stays.
 */
const SWEEP = [
  `if [ "$(git -C "$2/labplan" remote get-url origin 2>/dev/null)" = file://${HOOK} ]; then rm -rf "$2/labplan"; fi`,
  'rm -rf "$1.labplan-part"; cd "$1" 2>/dev/null && [ -d .git/labplan ] || exit 0',
  `n=${RUN}/local.conf.sha256`,
  'if [ -e local.conf ] && grep -qx "$(sha256sum < local.conf | cut -c 1-64)" "$n" 2>/dev/null; then rm -f local.conf; fi',
  'while IFS= read -r name; do rm -f "extras.d/$name"; done 2>/dev/null < .git/labplan/extras || :',
  "for p in $(ls -r .git/labplan/patches 2>/dev/null); do",
  '  if git apply --reverse --check ".git/labplan/patches/$p" 2>/dev/null; then git apply --reverse ".git/labplan/patches/$p"; fi; done',
  WORK,
  'rmdir extras.d 2>/dev/null; left=$(all_in . 2>/dev/null || echo "git cannot look there"; for each in local.conf local.conf.edited; do [ ! -e $each ] || echo "?? $each"; done)',
  'if [ -e .git/labplan/made ] && [ -n "$left" ]; then',
  // Nothing of ours is stacked out of it any more: as that it can be taken up again.
  "  rm -rf .git/labplan/patches .git/labplan/extras .stackenv; mv -f .git/labplan/of .git/labplan/left 2>/dev/null",
  '  echo "$left" | sort -u; exit 0; fi',
  "made=; [ ! -e .git/labplan/made ] || made=yes; rm -rf .git/labplan",
  '[ -n "$made" ] || exit 0',
  'cd / && rm -rf "$1"',
].join("\n");

const FORGET = `rm -rf ${RUN} ${HOOK} ${RUNNER} ${JOURNAL} ${COMPUTE_ID} ${NODE_NOTE}; rmdir /var/lib/labplan/devstack /var/lib/labplan 2>/dev/null || :`;

/** unstack.sh, clean.sh, and then what we put there. A machine that is lost must not keep anybody from destroying the lab. */
export async function removeNode(state: NodeState, run: Run<NodeState>): Promise<void> {
  const gone = (why: string) =>
    run.say(`"${state.name}" ${why}: devstack there is neither unstacked nor removed`, "warning");
  if (run.on?.address === undefined) return gone("is nowhere to be found any more");
  let link: NodeLink;
  try {
    link = await NodeLink.open(state, run, (message) => run.progress(`[1/3 unstack.sh] ${message}`));
  } catch (error) {
    if (!isAway(error) && (error as Error).name !== "DeadlineError") throw error;
    return gone(`does not answer (${(error as Error).message})`);
  }
  try {
    const note = ourNote(await readNote<NodeNote>(link.shell, NODE_NOTE), run.mark);
    if (!note) return;
    if (!(await hasUser(link.shell, state))) {
      run.say(
        `"${state.name}": there is no user "${state.user}" any more, so there is nothing to unstack; files of ${cloneOf(state)} stay, where there are any`,
        "warning",
      );
      await run.step("3/3 files", () => link.shell.run("remove our notes", FORGET));
      return;
    }
    const me = `${hostname()}:${process.pid}`.replaceAll(/[^A-Za-z0-9@.:_-]/g, "_");
    const work: Work = { link, inputs: state, run, secrets: secretsIfAny(state, run), me };
    await run.step("1/3 unstack.sh", async () => {
      const polled = await poll(link.shell, state);
      await guard(work);
      await refuseWithServers(work, polled, "tell");
      await undo(work, polled, "1/3 unstack.sh");
    });
    await run.step("2/3 clean.sh", async () => {
      if ((await link.shell.exec('[ -x "$1/clean.sh" ]', [cloneOf(state)])).code !== 0) return;
      // Nothing was ever stacked: there is nothing to clean.
      if ((await link.shell.exec(`[ -e ${RUN}/current ]`)).code !== 0) return;
      await runUndo(work, "clean.sh", "2/3 clean.sh");
    });
    await run.step("3/3 files", async () => {
      const account = new UserShell(link.shell, state);
      const words = [cloneOf(state), state.home];
      const options = { deadlineS: GIT_DEADLINE_S };
      const { stdout } = await account.run("remove what we put there", SWEEP, words, options);
      if (stdout.trim() !== "")
        run.say(
          `"${state.name}": ${cloneOf(state)} stays, because somebody else's files or commits are in it. It is taken up again as it is when this machine is a node again, unless somebody stacks out of it by then:\n${stdout.trimEnd()}`,
          "warning",
        );
      await link.shell.run("remove our notes", FORGET);
    });
  } finally {
    await link.close();
  }
}

/** Only to hide them: what is removed needs none. */
function secretsIfAny({ secrets }: NodeState, run: Pick<Run, "secret">): string[] {
  return Object.values(secrets).flatMap((ref) => {
    try {
      return [run.secret(ref)];
    } catch {
      return [];
    }
  });
}
