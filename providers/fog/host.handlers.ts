import { same } from "../core/change";
import { type Definition, markText, type Problem, type Run } from "../core/definition";
import { LabError } from "../core/errors";
import { pruned } from "../core/reported";
import type { FogClient, FogHost } from "./client";
import { clientFor } from "./clients";
import { giveBack } from "./give-back";
import type { HostInputs, HostState } from "./host";
import { hostChanges } from "./host.changes";
import { hostSchema } from "./host.schema";
import { foreignError, foreignMessage, newMark, ownership, readMark, sameFogName, withMark } from "./marks";
import { taskText } from "./progress";

const who = ({ name }: Pick<HostInputs, "name">): string => `host "${name}"`;

/** The primary one counts by its place, the others do not. */
const sameMacs = (a: readonly string[], b: readonly string[]): boolean =>
  a[0] === b[0] && same([...a].sort(), [...b].sort());

/** The record that the state names, or the one of that name. */
async function find(client: FogClient, inputs: HostInputs, known?: HostState): Promise<FogHost | undefined> {
  const byId = known && (await client.host(known.hostId));
  // The server may have been set up anew, and its numbers given to others.
  return byId && sameFogName(byId.name, inputs.name) ? byId : client.hostByName(inputs.name);
}

/** What only a look at the server's other records can refuse. */
async function problemsOf(
  client: FogClient,
  inputs: HostInputs,
  found: FogHost | undefined,
  run: Pick<Run, "mark">,
): Promise<Problem[]> {
  const problems: Problem[] = [];
  const mark = found && readMark(found.description);
  if (found && ownership(mark, run.mark, inputs.adopt) === "foreign")
    problems.push({ field: "name", message: foreignMessage("host", inputs.name, mark) });
  if (!found && !inputs.macs)
    problems.push({
      field: "macs",
      message: `${client.server} has no ${who(inputs)}. To register it, say its "macs:", the one that boots from the network first.`,
    });
  for (const other of inputs.macs ? await client.hosts() : []) {
    if (other.id === found?.id) continue;
    const taken = inputs.macs?.filter((mac) => other.macs.includes(mac)) ?? [];
    if (taken.length > 0)
      problems.push({
        field: "macs",
        message: `${taken.join(", ")} of ${who(inputs)} is a MAC of the FOG server's host "${other.name}". Two hosts with one MAC would be imaged for each other: adopt that one by its name, or mend the list.`,
      });
  }
  return problems;
}

function stateOf(inputs: HostInputs, host: FogHost): HostState {
  const { macs } = inputs;
  return pruned<HostState>({
    ...inputs,
    macs: macs && (sameMacs(macs, host.macs) ? macs : host.macs),
    hostId: host.id,
    adopted: readMark(host.description)?.adopted ?? false,
  });
}

/** Step 1: a record of this name that carries our mark. */
async function ensureRecord(client: FogClient, inputs: HostInputs, run: Run<HostState>): Promise<FogHost> {
  const found = await find(client, inputs);
  const mark = found && readMark(found.description);
  if (found && ownership(mark, run.mark, inputs.adopt) === "foreign")
    throw foreignError("host", inputs.name, mark);
  const [problem] = await problemsOf(client, inputs, found, run);
  if (problem) throw new LabError(problem.message);
  if (found && mark) return found;
  if (found)
    return client.editHost(found.id, { description: withMark(found.description, newMark(run.mark, true)) });
  return client.createHost({
    name: inputs.name,
    macs: inputs.macs ?? [],
    description: withMark("", newMark(run.mark, false)),
  });
}

export const hostDefinition: Definition<HostInputs, HostState> = {
  kind: "fog:Host",
  schema: hostSchema,
  changes: hostChanges,
  id: ({ name }) => name,

  async observe(inputs, run, known) {
    const client = await clientFor(run);
    const host = await find(client, inputs, known);
    const isOurs = host && readMark(host.description)?.text === markText(run.mark);
    return isOurs ? stateOf(inputs, host) : undefined;
  },

  async precheck(inputs, run) {
    const client = await clientFor(run);
    return problemsOf(client, inputs, await find(client, inputs), run);
  },

  async reconcile(inputs, _observed, run) {
    const client = await clientFor(run);
    const host = await run.step("1/2 record", () => ensureRecord(client, inputs, run));
    run.checkpoint({ hostId: host.id, adopted: readMark(host.description)?.adopted ?? false });
    const { macs } = inputs;
    const after = await run.step("2/2 MACs", async () =>
      macs && !sameMacs(macs, host.macs) ? client.editHost(host.id, { macs }) : host,
    );
    if (macs && !sameMacs(macs, after.macs))
      throw new LabError(
        `${who(inputs)}: ${client.server} took its MACs ${macs.join(", ")} and shows ${after.macs.join(", ") || "none"}. Set them in its web page, and run "pulumi up" again.`,
      );
    return stateOf(inputs, after);
  },

  async remove(state, run) {
    const client = await clientFor(run);
    const host = await find(client, state, state);
    if (!host) return;
    const leaving = {
      who: who(state),
      description: host.description,
      onDestroy: state.onDestroy,
      release: (description: string) => client.editHost(host.id, { description }),
      remove: () => deleteIdle(client, host),
    };
    await giveBack(leaving, run);
  },
};

/** Under a task that runs on it, it would break that. */
async function deleteIdle(client: FogClient, host: FogHost): Promise<void> {
  const [task] = await client.activeTasks(host.id);
  if (task)
    throw new LabError(
      `${who(host)}: ${taskText(task)} runs on it, so its record stays in ${client.server}. Let it end, or cancel it there, and run "pulumi destroy" again.`,
    );
  await client.deleteHost(host.id);
}
