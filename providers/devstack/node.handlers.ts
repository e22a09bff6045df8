import { hostname, userInfo } from "node:os";
import type { Definition, Problem, Run } from "../core/definition";
import { LabError } from "../core/errors";
import { isAway } from "../ssh/machine-login";
import type { RootShell } from "../ssh/root-shell";
import { blockMark } from "./blocks";
import { localConfChanges, localConfWithSources } from "./local-conf-diff";
import { stackedWith } from "./node.digest";
import { refuseEdit } from "./node.edit";
import { removeNode } from "./node.remove";
import { nodeChanges, nodeSchema } from "./node.schema";
import { claimedNote, foreignNote, type Note, ourNote, readNote, writeNote } from "./note";
import { hasUser, lookOnNode, NodeLink, UserShell } from "./on-node";
import { NODE_NOTE } from "./places";
import { poll } from "./poll";
import { failedServices, startServices } from "./services";
import { runChecks } from "./steps/checks";
import { cloneMoves, ensureClone, foreignClone } from "./steps/clone";
import { keepComputeId, putComputeIdBack } from "./steps/compute-id";
import { decide, isLive } from "./steps/decide";
import { ensureExtras } from "./steps/extras";
import { failure, follow, guard, start, type Work } from "./steps/follow";
import { ensureLocalConf, lookAtLocalConf, secretsOf } from "./steps/local-conf";
import { ensurePatches } from "./steps/patches";
import { haveProjectsFollow, projectsMove } from "./steps/projects";
import { refuseWithServers } from "./steps/servers";
import { undo } from "./steps/undo";
import type { NodeInputs, NodeState } from "./types";

export interface NodeNote extends Note {
  user: string;
  home: string;
}

/** devstack on one node: cloned, patched, configured, stacked, checked. */
export const nodeDefinition: Definition<NodeInputs, NodeState> = {
  kind: "devstack:Node",
  schema: nodeSchema,
  changes: nodeChanges,
  expects: {
    intact: {
      value: true,
      sentence:
        "what is on the node is not what was stacked: local.conf is put back, failed services are started, and what was unstacked is stacked again",
    },
  },
  id: ({ name }) => name,

  observe: (inputs, run) => lookOnNode(inputs, run, (shell) => lookAt(shell, inputs, run)),

  async precheck(inputs, run) {
    const problems = [...missingSecrets(inputs, run), ...markProblems(inputs)];
    if (Object.keys(inputs.extras).some((name) => name !== "80-tempest.sh"))
      run.say(
        `"${inputs.name}": of extras.d, today's devstack runs 80-tempest.sh only; what must run in its phases is a plugin`,
      );
    try {
      await lookOnNode(inputs, run, async (shell) => {
        const message = foreignNote(await readNote(shell, NODE_NOTE), run.mark, inputs.name, NODE_NOTE);
        if (message !== undefined) problems.push({ field: "name", message });
        const clone = await foreignClone(shell, inputs);
        if (clone !== undefined) problems.push({ field: "repo", message: clone });
      });
    } catch (error) {
      if (!isAway(error)) throw error;
      run.say(`"${inputs.name}" is not checked: ${error.message}`);
    }
    return problems;
  },

  precheckEdit: refuseEdit,

  announce: (inputs) => [`local.conf of ${inputs.name}:\n${localConfWithSources(inputs).join("\n")}`],

  notes(inputs, state) {
    const changes = localConfChanges(state, inputs);
    return changes.length === 0 ? [] : [`local.conf of ${inputs.name}:\n${changes.join("\n")}`];
  },

  reconcile,
  remove: removeNode,
};

/** A secret that is not there is told before anything is begun; the message says which command sets it. */
function missingSecrets(inputs: NodeInputs, run: Pick<Run, "secret">): Problem[] {
  return Object.values(inputs.secrets).flatMap((ref) => {
    try {
      return run.secret(ref) === ""
        ? [{ field: "secrets", message: `"${inputs.name}": the secret ${JSON.stringify(ref)} is empty` }]
        : [];
    } catch (error) {
      const message = error instanceof Error ? error.message : String(error);
      return [{ field: "secrets", message: `"${inputs.name}": ${message}` }];
    }
  });
}

function markProblems({ name, localConf, secrets }: NodeInputs): Problem[] {
  const named = [...localConf.matchAll(/\{\{secret:([^{}]+)\}\}/g)].map(([, secret = ""]) => secret);
  return [...new Set(named)]
    .filter((secret) => !Object.hasOwn(secrets, secret))
    .map((secret) => ({
      field: "localConf",
      message: `"${name}": local.conf names the secret "${secret}", and nobody said where it is`,
    }));
}

async function lookAt(
  shell: RootShell,
  inputs: NodeInputs,
  run: Run<NodeState>,
): Promise<NodeState | undefined> {
  const note = ourNote(await readNote<NodeNote>(shell, NODE_NOTE), run.mark);
  if (!note) return undefined;
  if (!(await hasUser(shell, inputs))) {
    run.say(
      `"${inputs.name}": there is no user "${inputs.user}" any more, and no devstack of its`,
      "warning",
    );
    return { ...inputs, stackedAt: "", stackedWith: "", intact: false };
  }
  const polled = await poll(shell, inputs);
  const conf = await lookAtLocalConf(new UserShell(shell, inputs), inputs);
  const failed = await failedServices(shell);
  const isStacked = polled.stacked !== undefined;
  const live = isLive(polled.run) ? polled.run : undefined;
  if (live)
    run.say(
      `"${inputs.name}": ${live.script} runs there since ${new Date(live.begun * 1000).toISOString()}, begun by ${live.by}`,
    );
  if (conf === "edited")
    run.say(
      `"${inputs.name}": local.conf was edited there; ours is put back, and the edited one is kept as local.conf.edited`,
      "warning",
    );
  if (isStacked && failed.length > 0)
    run.say(`"${inputs.name}": failed there: ${failed.join(", ")}; started again`, "warning");
  return {
    ...inputs,
    stackedAt: polled.stackedAt ?? "",
    stackedWith: polled.stacked ?? "",
    intact:
      polled.stacked === stackedWith(inputs) &&
      polled.clone &&
      conf === "ours" &&
      failed.length === 0 &&
      live === undefined,
  };
}

/** Words of a journal's line, and of nothing else. */
function myself(): string {
  let user = "somebody";
  try {
    user = userInfo().username;
  } catch {
    // A container's user may have no name.
  }
  return `${user}@${hostname()}:${process.pid}`.replaceAll(/[^A-Za-z0-9@.:_-]/g, "_");
}

async function reconcile(
  inputs: NodeInputs,
  _observed: NodeState | undefined,
  run: Run<NodeState>,
): Promise<NodeState> {
  const secrets = secretsOf(inputs, run);
  const digest = stackedWith(inputs);
  const { name, user, home } = inputs;
  const progress = (message: string) => run.progress(`[1/8 undo] ${message}`);
  const link = await NodeLink.open(inputs, run, progress);
  // With the run, so that two of one process are two.
  const me = `${myself()}:${run.random(2).toString("hex")}`;
  const work: Work = { link, inputs, run, secrets: [...secrets.values()], me };
  try {
    const account = link.account(inputs);
    await claimedNote<NodeNote>(link.shell, NODE_NOTE, run.mark, name);
    await writeNote(link.shell, NODE_NOTE, {
      mark: blockMark(run.mark),
      machine: name,
      user,
      home,
    } as NodeNote);
    run.checkpoint({ stackedAt: "", stackedWith: "", intact: false });

    const todo = await run.step("1/8 undo", () => takeBack(work, digest));
    if (todo !== "follow") {
      await run.step("2/8 clone", () => ensureClone(account, inputs, run.signal));
      await run.step("3/8 patches", () => ensurePatches(account, inputs));
      await run.step("4/8 extras", () => ensureExtras(link.shell, account, inputs));
      await run.step("5/8 local.conf", () => ensureLocalConf(account, inputs, run));
    }
    await run.step("6/8 stack.sh", () => stack(work, digest, todo));
    run.checkpoint({ stackedWith: digest });
    await run.step("7/8 checks", () =>
      link.repeat((shell) => runChecks(shell, inputs, run, secrets.values())),
    );
    return await run.step("8/8 record", async () => {
      const { stackedAt = "" } = await link.repeat((shell) => poll(shell, inputs));
      return { ...inputs, stackedAt, stackedWith: digest, intact: true };
    });
  } finally {
    await link.close();
  }
}

/** Step 1: what stands there with other settings, failed or hangs is taken back while its own local.conf is still there. */
async function takeBack(work: Work, digest: string): Promise<"done" | "follow" | "start"> {
  const { link, inputs, run } = work;
  const polled = await link.repeat((shell) => poll(shell, inputs));
  const decision = decide(polled, digest, inputs);
  if (decision.do === "follow") await guard(work);
  if (decision.do === "done" || decision.do === "follow") return decision.do;
  // Over somebody's work nothing is taken back.
  const account = link.account(inputs);
  const moves = await cloneMoves(account, inputs, run.signal);
  const follow = await projectsMove(account, inputs, moves);
  if (decision.do === "undo") {
    await refuseWithServers(work, polled);
    run.say(`"${inputs.name}": ${decision.why}: unstack.sh takes back what was begun`);
    await keepComputeId(work);
    await undo(work, polled, "1/8 undo");
  }
  if (follow) await haveProjectsFollow(link.account(inputs), inputs, run);
  return "start";
}

/** Step 6: begun once, and followed to its end. */
async function stack(work: Work, digest: string, todo: "done" | "follow" | "start"): Promise<void> {
  const { link, inputs, run } = work;
  if (todo === "done") {
    await startServices(link.shell, await failedServices(link.shell), inputs.name);
    return;
  }
  if (todo === "start") {
    await putComputeIdBack(work);
    await start(work, "stack.sh", digest);
  } else run.say(`"${inputs.name}": stack.sh still runs there, and is followed`);
  const { timeoutS, silenceS } = inputs;
  const ended = await follow(work, { step: "6/8 stack.sh", script: "stack.sh", timeoutS, silenceS });
  if (ended.code !== 0) throw await failure(work, ended, `failed (exit ${ended.code})`);
  if (ended.digest !== digest)
    throw new LabError(
      `"${inputs.name}": the stack.sh that ended there was begun with other settings. Repeat: it is stacked anew.`,
    );
}
