import { type Mark, markText, type Run } from "../core/definition";
import { LabError } from "../core/errors";
import { pruned } from "../core/reported";
import type { Uuid, VirtualBoxClient, VmFacts } from "./client";
import type { MachineInputs, MachineState } from "./machine";
import { type FoundMachine, isOurs, lookAt } from "./machine-look";
import { ADOPTED_KEY, foreignError, MARK_KEY, makingFile, ownership, UUID_KEY } from "./marks";

/** How messages name it. */
export const who = ({ name }: Pick<MachineInputs, "name">): string => `machine "${name}"`;

/**
 * Settings of our UUID that are on disk and not registered were left by a run that was killed in between: making the
 * machine, or removing it.
 */
export async function takeIn(
  client: VirtualBoxClient,
  { name, uuid }: Pick<MachineInputs, "name" | "uuid">,
): Promise<VmFacts | undefined> {
  const path = client.join(await client.defaultMachineFolder(), name, `${name}.vbox`);
  const text = (await client.readFile(path))?.toString("utf8") ?? "";
  if (!text.includes(`<Machine uuid="{${uuid}}"`)) return undefined;
  await client.registerVm(path);
  return client.vm(uuid);
}

/** Ours, adoptable, or absent; a foreign one of the planned UUID or name ends it. */
export async function claim(
  client: VirtualBoxClient,
  inputs: MachineInputs,
  folder: string,
  run: Run<MachineState>,
): Promise<FoundMachine | undefined> {
  const refs = await client.vms();
  const ref = refs.find(({ uuid }) => uuid === inputs.uuid) ?? refs.find(({ name }) => name === inputs.name);
  const facts = ref ? await client.vm(ref.uuid) : await takeIn(client, inputs);
  if (!facts) return undefined;
  const found = await lookAt(client, facts, folder, run.mark, inputs);
  if (!isOurs(found, run.mark) && ownership(found.mark, run.mark, inputs.adopt) === "foreign")
    throw foreignError("machine", facts.name, found.mark);
  const other = refs.find(({ name, uuid }) => name === inputs.name && uuid !== facts.uuid);
  if (other)
    throw new LabError(
      `${who(inputs)} is called "${facts.name}" at the host, and another machine (${other.uuid}) has its name. Rename or remove that one.`,
    );
  return found;
}

async function putMark(client: VirtualBoxClient, uuid: Uuid, mark: Mark, adopted: boolean): Promise<void> {
  if (adopted) await client.setExtraData(uuid, ADOPTED_KEY, "1");
  await client.setExtraData(uuid, UUID_KEY, uuid);
  await client.setExtraData(uuid, MARK_KEY, markText(mark));
}

/** A machine that carries our mark. */
export async function ensureMachine(
  client: VirtualBoxClient,
  inputs: MachineInputs,
  found: FoundMachine | undefined,
  folder: string,
  run: Run<MachineState>,
): Promise<Uuid> {
  const making = client.join(folder, makingFile(run.mark, inputs.name));
  if (!found) {
    const { name, osType, uuid } = inputs;
    await client.makeFolder(folder);
    await client.putFile(making, uuid);
    await client.createVm({ name, uuid, osType });
    run.checkpoint(pruned<MachineState>({ ...inputs, running: false, intact: false }));
  }
  const uuid = found?.facts.uuid ?? inputs.uuid;
  if (!found?.mark) await putMark(client, uuid, run.mark, found !== undefined && !found.unfinished);
  await client.removeFile(making);
  return uuid;
}
