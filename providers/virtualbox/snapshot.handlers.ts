import { type Definition, type Mark, markPrefix, markText, type Run } from "../core/definition";
import { LabError } from "../core/errors";
import { object, text, uuid } from "../core/schema-parts";
import type { SnapshotFacts, VirtualBoxClient, VmFacts } from "./client";
import { about, clientFor } from "./clients";
import { folderOf } from "./folder";
import { forgetRestart, isUp, startAgain, whileOff } from "./power";
import type { SnapshotInputs, SnapshotState } from "./snapshot";
import { snapshotChanges } from "./snapshot.changes";
import { deleteSnapshot, finishMoves, movableDisks } from "./snapshot-moves";

const who = ({ name, machine }: Pick<SnapshotInputs, "name" | "machine">) =>
  `snapshot "${name}" of machine "${machine}"`;

/** Names of snapshots may repeat, and they have no extra data: the last line of the description is the mark. */
const MARK = /(?:^|\n)\[labplan (\S+) restore=(\d+)\]$/;

const withMark = (description: string, mark: Mark, restore: number): string =>
  `${description === "" ? "" : `${description}\n`}[labplan ${markText(mark)} restore=${restore}]`;

interface FoundSnapshot {
  facts: SnapshotFacts;
  description: string;
  restore: number;
}

async function seek(
  client: VirtualBoxClient,
  { machineUuid }: Pick<SnapshotInputs, "machineUuid">,
  mark: Mark,
): Promise<FoundSnapshot | undefined> {
  for (const facts of await client.snapshots(machineUuid)) {
    const match = MARK.exec(facts.description);
    if (match?.[1] !== markText(mark)) continue;
    return {
      facts,
      description: facts.description.slice(0, match.index),
      restore: Number(match[2]),
    };
  }
  return undefined;
}

const stateOf = (inputs: SnapshotInputs, { facts, description, restore }: FoundSnapshot): SnapshotState => ({
  ...inputs,
  name: facts.name,
  description,
  restore,
  uuid: facts.uuid,
});

async function machineOf(client: VirtualBoxClient, inputs: SnapshotInputs): Promise<VmFacts> {
  const facts = await client.vm(inputs.machineUuid);
  if (!facts) throw new LabError(`${who(inputs)}: there is no such machine at the host`);
  return facts;
}

/** Taken once; a run that was killed after it finds it by its mark. */
async function ensureTaken(
  client: VirtualBoxClient,
  inputs: SnapshotInputs,
  run: Run<SnapshotState>,
): Promise<FoundSnapshot> {
  const found = await seek(client, inputs, run.mark);
  if (found) return found;
  const { machineUuid, name, description, restore } = inputs;
  await machineOf(client, inputs);
  await client.takeSnapshot(
    machineUuid,
    // A new snapshot is what it would go back to.
    { name, description: withMark(description, run.mark, restore) },
    { signal: run.signal, onProgress: (percent) => run.progress(`[1/3 take] ${percent} %`) },
  );
  const taken = await seek(client, inputs, run.mark);
  if (!taken) throw new LabError(`${who(inputs)} was taken and is not there; run "pulumi up" again`);
  return taken;
}

/** The machine as it was then. What was written since is lost: that is what was asked for. */
async function goBack(
  client: VirtualBoxClient,
  inputs: SnapshotInputs,
  { facts }: FoundSnapshot,
  folder: string,
  run: Run<SnapshotState>,
): Promise<void> {
  const machine = await machineOf(client, inputs);
  await whileOff(client, folder, machine, run, () =>
    client.restoreSnapshot(inputs.machineUuid, facts.uuid, {
      signal: run.signal,
      onProgress: (percent) => run.progress(`[2/3 restore] ${percent} %`),
    }),
  );
  run.say(
    `machine "${inputs.machine}" is back at snapshot "${inputs.name}", its settings of that time included; what the config says otherwise comes with the next "pulumi up"`,
  );
}

export const snapshotDefinition: Definition<SnapshotInputs, SnapshotState> = {
  kind: "virtualbox:Snapshot",
  schema: object(
    {
      name: text,
      backend: text,
      machine: text,
      machineUuid: uuid,
      description: { type: "string" },
      restore: { type: "integer", minimum: 0 },
    },
    ["name", "backend", "machine", "machineUuid", "description", "restore"],
  ),
  changes: snapshotChanges,
  id: ({ machine, name }) => `${machine}/${name}`,

  async observe(inputs, run) {
    const client = await clientFor(run);
    return about(who(inputs), async () => {
      const found = await seek(client, inputs, run.mark);
      return found && stateOf(inputs, found);
    });
  },

  async reconcile(inputs, _observed, run) {
    const client = await clientFor(run);
    return about(who(inputs), async () => {
      const found = await run.step("1/3 take", () => ensureTaken(client, inputs, run));
      run.checkpoint(stateOf(inputs, found));
      await run.step("2/3 restore", async () => {
        if (inputs.restore > found.restore)
          await goBack(client, inputs, found, await folderOf(client, run), run);
      });
      await run.step("3/3 label", async () => {
        const wanted = withMark(inputs.description, run.mark, inputs.restore);
        const edit = {
          ...(found.facts.name === inputs.name ? {} : { name: inputs.name }),
          ...(found.facts.description === wanted ? {} : { description: wanted }),
        };
        if (Object.keys(edit).length > 0)
          await client.editSnapshot(inputs.machineUuid, found.facts.uuid, edit);
      });
      return { ...inputs, uuid: found.facts.uuid };
    });
  },

  async remove(state, run) {
    const client = await clientFor(run);
    await about(who(state), async () => {
      const folder = await folderOf(client, run);
      await finishMoves(client, folder, markPrefix(run.mark));
      const machine = await client.vm(state.machineUuid);
      if (!machine) return forgetRestart(client, folder, state.machineUuid, run);
      const found = await seek(client, state, run.mark);
      if (!found) return startAgain(client, folder, machine, run);
      const drop = () =>
        deleteSnapshot(client, folder, machine.uuid, found.facts.uuid, {
          signal: run.signal,
          onProgress: (percent) => run.progress(`[1/1 delete] ${percent} %`),
        });
      const mustStop = isUp(machine.power) && (await movableDisks(client, folder, machine.uuid)).length > 0;
      if (mustStop)
        run.say(`machine "${state.machine}" is stopped while its linked disk is put together again`);
      await run.step("1/1 delete", () => (mustStop ? whileOff(client, folder, machine, run, drop) : drop()));
      await startAgain(client, folder, machine, run);
    });
  },
};
