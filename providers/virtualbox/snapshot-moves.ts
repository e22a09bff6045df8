import { byUuid, chainOf } from "./chain";
import type { LongOptions, Uuid, VirtualBoxClient } from "./client";
import { baseName } from "./folder";

/**
 * Deleting a snapshot merges a linked clone forward: VirtualBox 7.2 deletes our file, and goes on with the snapshot's
 * own in the machine's folder. It is moved back to where our medium belongs. What is about to be merged is written down
 * next to it first, so that a run that is killed in between is carried on with.
 */
interface Move {
  machine: Uuid;
  controller: string;
  port: number;
  device: number;
  /** What our medium is based on, and so what takes its place. */
  parent: Uuid;
}

const NOTE = ".moving";

/** Is a medium on its way back to this path? */
export const isMoving = (client: VirtualBoxClient, path: string): Promise<boolean> =>
  client.fileExists(`${path}${NOTE}`);

/** Linked clones of ours that a machine with snapshots writes above. */
export async function movableDisks(
  client: VirtualBoxClient,
  folder: string,
  machine: Uuid,
): Promise<{ path: string; move: Move }[]> {
  const facts = await client.vm(machine);
  if (!facts?.attachments.some(({ path }) => path !== undefined)) return [];
  const media = byUuid(await client.media());
  return facts.attachments.flatMap(({ controller, port, device, medium }) => {
    const [leaf, ...below] = chainOf(media, medium);
    const ours = below.find(({ path }) => client.join(folder, baseName(path)) === path);
    if (!leaf || !ours || ours.parent === undefined || client.join(folder, baseName(leaf.path)) === leaf.path)
      return [];
    return [{ path: ours.path, move: { machine, controller, port, device, parent: ours.parent } }];
  });
}

/** Delete a snapshot, and keep our media where they are. Gone is success. */
export async function deleteSnapshot(
  client: VirtualBoxClient,
  folder: string,
  machine: Uuid,
  snapshot: Uuid,
  options: LongOptions,
): Promise<void> {
  const disks = await movableDisks(client, folder, machine);
  for (const { path, move } of disks) await client.putFile(`${path}${NOTE}`, JSON.stringify(move));
  await client.deleteSnapshot(machine, snapshot, options);
  for (const { path } of disks) await finishMove(client, path, options);
}

/** Nothing to finish is success. */
export async function finishMove(
  client: VirtualBoxClient,
  path: string,
  options: LongOptions = {},
): Promise<void> {
  const note = await client.readFile(`${path}${NOTE}`);
  if (!note) return;
  if (!(await client.fileExists(path))) {
    const { machine, controller, port, device, parent } = JSON.parse(note.toString("utf8")) as Move;
    const attachment = (await client.vm(machine))?.attachments.find(
      (found) => found.controller === controller && found.port === port && found.device === device,
    );
    const chain = chainOf(byUuid(await client.media()), attachment?.medium);
    const heir = chain.find((medium) => medium.parent === parent);
    if (heir) await client.moveMedium(heir.uuid, path, options);
  }
  await client.removeFile(`${path}${NOTE}`);
}

/** All that a killed run left in the middle. */
export async function finishMoves(client: VirtualBoxClient, folder: string, prefix: string): Promise<void> {
  for (const name of await client.listFolder(folder))
    if (name.startsWith(prefix) && name.endsWith(NOTE))
      await finishMove(client, client.join(folder, name.slice(0, -NOTE.length)));
}
