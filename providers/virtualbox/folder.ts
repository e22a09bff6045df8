import type { Run } from "../core/definition";
import type { VirtualBoxClient } from "./client";

const folders = new WeakMap<VirtualBoxClient, Promise<string>>();

/**
 * The one folder of a backend for all disks, images and seeds: not the machines' own, so that a rename or the removal
 * of a machine moves and deletes nothing.
 */
export function folderOf(client: VirtualBoxClient, { backend }: Pick<Run, "backend">): Promise<string> {
  if (backend.kind === "virtualbox" && backend.folder !== undefined) return Promise.resolve(backend.folder);
  const known = folders.get(client);
  if (known) return known;
  const asked = client.defaultMachineFolder().then((base) => client.join(base, "labplan"));
  folders.set(client, asked);
  asked.catch(() => folders.delete(client));
  return asked;
}

/** Last part of a path, of whichever system the host is. */
export const baseName = (path: string): string => path.split(/[/\\]/).pop() ?? path;

export const diskPath = (client: VirtualBoxClient, folder: string, name: string): string =>
  client.join(folder, `${name}.vdi`);

export const isoPath = (client: VirtualBoxClient, folder: string, name: string): string =>
  client.join(folder, `${name}.iso`);
