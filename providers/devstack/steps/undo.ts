import { BackendError } from "../../core/errors";
import { UserShell } from "../on-node";
import { cloneOf, RUN } from "../places";
import { type Polled, type PolledRun, poll } from "../poll";
import { END_RUN } from "../runner";
import { isLive, type Limits, overdue } from "./decide";
import { failure, follow, guard, start, type Work } from "./follow";

/** What unstack.sh and clean.sh may take, and be silent, in seconds. */
const UNDO_S = 1_800;
const UNDO_LIMITS: Limits = { timeoutS: UNDO_S, silenceS: UNDO_S };

const HAS = '[ -x "$1/$2" ]';

/** Run a script that takes something back. One that fails is told, and does not stop us: half a stack is seldom undone cleanly. */
export async function runUndo(work: Work, script: string, step: string): Promise<void> {
  const { link, inputs, run } = work;
  const { run: before } = await link.repeat((shell) => poll(shell, inputs));
  if (!(isLive(before) && before.script === script)) {
    const account = new UserShell(link.shell, inputs);
    if ((await account.exec(HAS, [cloneOf(inputs), script])).code !== 0) {
      run.say(
        `"${inputs.name}": there is no ${script} in ${cloneOf(inputs)}, so nothing is undone by it`,
        "warning",
      );
      await account.run("forget what was begun", `rm -f ${RUN}/dirty ${RUN}/stacked`);
      return;
    }
    await start(work, script, "");
  }
  const ended = await follow(work, { step, script, ...UNDO_LIMITS });
  if (ended.code !== 0)
    run.say((await failure(work, ended, `failed (exit ${ended.code})`)).message, "warning");
}

/** All but an unstack.sh that goes on as it should: that one is followed. */
export const isGivenUp = (run: PolledRun, now: number): boolean =>
  run.script !== "unstack.sh" || run.state === "orphans" || overdue(run, now, UNDO_LIMITS) !== undefined;

/** End a run of stack.sh that is given up, and take back what was stacked. Whoever calls it asked for servers first. */
export async function undo(work: Work, polled: Polled, step: string): Promise<void> {
  const { link, inputs, run } = work;
  if (isLive(polled.run) && isGivenUp(polled.run, polled.now)) {
    await guard(work);
    run.progress(`[${step}] ends ${polled.run.script} (pid ${polled.run.pid})`);
    const { code } = await link.shell.exec(END_RUN, [`${polled.run.pid}`]);
    if (code !== 0)
      throw new BackendError(
        `"${inputs.name}": ${polled.run.script} (pid ${polled.run.pid}) could not be ended there. End it by hand, and repeat.`,
      );
  }
  const { dirty, run: now } = await link.repeat((shell) => poll(shell, inputs));
  if (dirty || (isLive(now) && now.script === "unstack.sh")) await runUndo(work, "unstack.sh", step);
}
