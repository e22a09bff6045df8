import type { Mark } from "../core/definition";
import { type Attached, attachedMedia } from "./chain";
import type { VirtualBoxClient, VmFacts } from "./client";
import { interfacesByPlan } from "./host-facts";
import type { MachineInputs } from "./machine";
import { OWN_NAME } from "./machine-checks";
import { type Comparison, compare } from "./machine-compare";
import { type FoundMark, machineMark, makingFile, ownership } from "./marks";
import { seedFile } from "./seed";

/** A machine as it is. */
export interface FoundMachine {
  facts: VmFacts;
  attached: Attached[];
  mark: FoundMark | undefined;
  /** Made by a run that was killed before it could put the mark on. */
  unfinished: boolean;
}

type Sought = Pick<MachineInputs, "name" | "uuid" | "adopt">;

/** The machine of the planned UUID; or else, where one may be adopted, of the planned name. */
export async function seekMachine(
  client: VirtualBoxClient,
  { name, uuid, adopt }: Sought,
  adopted: boolean | undefined,
): Promise<VmFacts | undefined> {
  return (await client.vm(uuid)) ?? (adopt || adopted ? client.vm({ name }) : undefined);
}

export async function lookAt(
  client: VirtualBoxClient,
  facts: VmFacts,
  folder: string,
  mark: Mark,
  { name, uuid }: Sought,
): Promise<FoundMachine> {
  const found = machineMark(facts.extraData, facts);
  return {
    facts,
    attached: await attachedMedia(client, facts.attachments, folder),
    mark: found,
    unfinished:
      !found && facts.uuid === uuid && (await client.fileExists(client.join(folder, makingFile(mark, name)))),
  };
}

export const isOurs = (found: FoundMachine, mark: Mark): boolean =>
  found.unfinished || ownership(found.mark, mark, false) === "ours";

/** The names that host-only interfaces have; asked for only where a card is on one. */
export async function interfacesFor(
  client: VirtualBoxClient,
  { nics }: Pick<MachineInputs, "nics">,
  facts: Pick<VmFacts, "nics"> | undefined,
): Promise<Record<string, string>> {
  const cards = [...nics, ...(facts?.nics ?? [])].filter(({ type }) => type === "hostonly");
  if (cards.length === 0) return {};
  const known = await interfacesByPlan.of(client);
  const isKnown = ({ attachment = "" }: { attachment?: string }) =>
    OWN_NAME.test(attachment) || known[attachment] !== undefined;
  return cards.every(isKnown) ? known : interfacesByPlan.of(client, true);
}

export async function compared(
  client: VirtualBoxClient,
  inputs: MachineInputs,
  { facts, attached, mark, unfinished }: FoundMachine,
  by: Mark,
): Promise<Comparison> {
  return compare(inputs, facts, attached, {
    interfaces: await interfacesFor(client, inputs, facts),
    seed: seedFile(by, inputs.name),
    // One without a mark is about to be adopted.
    adopted: mark ? mark.adopted : !unfinished,
  });
}
