import type { Problem, Run } from "../core/definition";
import { isAway } from "../ssh/machine-login";
import { stackedWith } from "./node.digest";
import { ourNote, readNote } from "./note";
import { hasUser, lookOnNode } from "./on-node";
import { NODE_NOTE } from "./places";
import { poll } from "./poll";
import { whyNot } from "./steps/servers";
import type { NodeInputs, NodeState } from "./types";

/** What is stacked anew is unstacked first, and that is refused while servers would be lost by it. */
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
      return message === undefined ? [] : [{ field: "name", message }];
    });
  } catch (error) {
    if (!isAway(error)) throw error;
    run.say(`"${inputs.name}" is not looked at for servers that would be lost: ${error.message}`);
    return [];
  }
}
