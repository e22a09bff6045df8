import type { Problem, Run } from "../core/definition";
import { LabError } from "../core/errors";
import { isAway } from "../ssh/machine-login";
import { stackedWith } from "./node.digest";
import { ourNote, readNote } from "./note";
import { hasUser, lookOnNode, UserShell } from "./on-node";
import { NODE_NOTE } from "./places";
import { poll } from "./poll";
import { cloneMoves } from "./steps/clone";
import { projectsMove } from "./steps/projects";
import { whyNot } from "./steps/servers";
import type { NodeInputs, NodeState } from "./types";

/**
 * What is stacked anew is unstacked first, and that is refused while servers would be lost by it, or somebody's work in
 * clones that would follow: of one node before any other is touched.
 */
export async function refuseEdit(
  inputs: NodeInputs,
  before: NodeInputs,
  run: Run<NodeState>,
): Promise<Problem[]> {
  const digest = stackedWith(inputs);
  if (digest === stackedWith(before)) return [];
  // Where it stands, by the way that leads there now.
  const standing = { ...before, login: inputs.login };
  try {
    return await lookOnNode(standing, run, async (shell) => {
      const isOurs = ourNote(await readNote(shell, NODE_NOTE), run.mark);
      if (!isOurs || !(await hasUser(shell, standing))) return [];
      const polled = await poll(shell, standing);
      // An edit that is taken back.
      if (polled.stacked === digest) return [];
      const message = await whyNot(shell, standing, run, polled);
      if (message !== undefined) return [{ field: "name", message }];
      return await workInTheWay(new UserShell(shell, standing), inputs, before, run);
    });
  } catch (error) {
    if (!isAway(error)) throw error;
    run.say(`"${inputs.name}" is not looked at for servers that would be lost: ${error.message}`);
    return [];
  }
}

async function workInTheWay(
  account: UserShell,
  inputs: NodeInputs,
  before: NodeInputs,
  run: Pick<Run, "signal">,
): Promise<Problem[]> {
  const there = { ...inputs, home: before.home };
  const follows = (["repo", "branch", "generation"] as const).some(
    (field) => inputs[field] !== before[field],
  );
  try {
    if (follows) await cloneMoves(account, there, run.signal, "read only");
    await projectsMove(account, there, follows);
    return [];
  } catch (error) {
    if (!(error instanceof LabError)) throw error;
    return [{ field: "name", message: error.message }];
  }
}
