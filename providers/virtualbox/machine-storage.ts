import type { VirtualBoxClient, VmFacts } from "./client";
import { diskPath, isoPath } from "./folder";
import type { MachineInputs } from "./machine";
import { type Comparison, folderForm } from "./machine-compare";
import { type Attachment, wantedAttachments, wantedControllers } from "./machine-wanted";

/** What to do to a machine's drives; all of it for a new one. */
export const storageOf = (
  inputs: MachineInputs,
  comparison: Comparison | undefined,
): Pick<Comparison, "attach" | "detach"> => comparison ?? { detach: [], attach: wantedAttachments(inputs) };

/** Out with what does not belong, in with what does. Only of a machine that is off. */
export async function syncStorage(
  client: VirtualBoxClient,
  inputs: MachineInputs,
  machine: { uuid: string; facts: VmFacts | undefined },
  { attach, detach }: Pick<Comparison, "attach" | "detach">,
  paths: { folder: string; seed: string },
): Promise<void> {
  const { uuid, facts } = machine;
  for (const { controller, port, device } of detach) await client.detach(uuid, { controller, port, device });
  if (attach.length > 0)
    for (const { name, bus, ports } of wantedControllers(inputs))
      if (!facts?.controllers.some((there) => there.name === name))
        await client.addController(uuid, { name, bus, ports });
  for (const item of attach)
    await client.attach(uuid, item.slot, { kind: item.kind, medium: pathOf(client, item, paths) });
}

function pathOf(
  client: VirtualBoxClient,
  { kind, medium }: Attachment,
  { folder, seed }: { folder: string; seed: string },
): string {
  if (medium === undefined) return seed;
  return kind === "dvd" ? isoPath(client, folder, medium) : diskPath(client, folder, medium);
}

/** Shared folders cannot be changed: one that differs is taken out and put in again. */
export async function syncFolders(
  client: VirtualBoxClient,
  inputs: MachineInputs,
  uuid: string,
  found: MachineInputs["sharedFolders"] | undefined,
): Promise<void> {
  const there = found ?? [];
  const text = (folder: MachineInputs["sharedFolders"][number]) => JSON.stringify(folderForm(folder));
  const wanted = new Set(inputs.sharedFolders.map(text));
  for (const folder of there)
    if (!wanted.has(text(folder))) await client.removeSharedFolder(uuid, folder.name);
  const kept = new Set(there.map(text).filter((item) => wanted.has(item)));
  for (const folder of inputs.sharedFolders)
    if (!kept.has(text(folder))) await client.addSharedFolder(uuid, folderForm(folder));
}
