import type { Run } from "../core/definition";
import type { VirtualBoxClient } from "./client";

/**
 * The one folder of a backend for all disks, images and seeds: not the machines' own, so that a rename or the removal
 * of a machine moves and deletes nothing.
 */
export async function folderOf(client: VirtualBoxClient, { backend }: Pick<Run, "backend">): Promise<string> {
  if (backend.kind === "virtualbox" && backend.folder !== undefined) return backend.folder;
  return client.join(await client.defaultMachineFolder(), "labplan");
}

/** The folder when nothing is in it any more; one that the config names is the user's own. */
export async function dropFolder(
  client: VirtualBoxClient,
  folder: string,
  { backend }: Pick<Run, "backend">,
): Promise<void> {
  if (backend.kind === "virtualbox" && backend.folder !== undefined) return;
  await client.removeEmptyFolder(folder);
}

/** Last part of a path, of whichever system the host is. */
export const baseName = (path: string): string => path.split(/[/\\]/).pop() ?? path;

export const diskPath = (client: VirtualBoxClient, folder: string, name: string): string =>
  client.join(folder, `${name}.vdi`);

export const isoPath = (client: VirtualBoxClient, folder: string, name: string): string =>
  client.join(folder, `${name}.iso`);
