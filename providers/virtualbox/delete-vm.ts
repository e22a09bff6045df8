import type { Calls } from "./calls";
import type { LongOptions, VirtualBoxClient } from "./client";
import { isInaccessible, unlessGone } from "./errors";
import type { SettingsFile } from "./parse/settings-file";
import { readAttachments, readConfigFile } from "./parse/vm-facts";

/** What the machine's folder holds that VirtualBox wrote: settings, NVRAM, saved states, logs, recordings. */
const OWN = /\.(vbox|vbox-prev|vbox-tmp|nvram|webm)$/;
const OWN_LOG = /^(VBox|VBoxHardening|VBoxUI|VBoxSVC).*\.log(\.\d+)?$/;
const OWN_STATE = /\.(sav|nvram)$|^\{[0-9a-f-]{36}\}\.(vdi|vmdk|vhd)$/i;

type Others = Pick<VirtualBoxClient, "deleteSnapshot" | "detach" | "closeMedium"> & {
  settingsOf(configFile: string): Promise<SettingsFile | undefined>;
};

/**
 * Remove a machine, and none of its media. `unregistervm --delete` is not used: it deletes media in other folders and
 * the parents of linked clones, and where one of those is in use it fails half-way, with the machine unregistered
 * (measured on 7.2.22).
 */
export async function deleteVm(
  calls: Calls,
  others: Others,
  vm: string,
  options?: LongOptions,
): Promise<void> {
  const look = () =>
    unlessGone(calls.run("showvminfo", vm, "--machinereadable")).catch((error: unknown) => {
      if (isInaccessible(error)) return "";
      throw error;
    });
  const told = await look();
  if (told === undefined) return;
  const configFile = readConfigFile(told);
  const { snapshots = [] } = (configFile && (await others.settingsOf(configFile))) || {};
  // What was written since the last snapshot is in a file of the machine's own; the media are to keep it. Children
  // first: a snapshot with several cannot be deleted.
  for (const { uuid } of [...snapshots].reverse()) await others.deleteSnapshot(vm, uuid, options);
  // What is attached is in the machine's own register and would be forgotten with it; a linked clone whose parent is
  // in no register cannot be opened any more.
  const now = snapshots.length > 0 ? ((await look()) ?? "") : told;
  for (const { path, medium: uuid, ...slot } of readAttachments(now)) {
    if (path === undefined || uuid === undefined || /\.iso$/i.test(path)) continue;
    await others.detach(vm, slot);
    // A linked clone of a whole machine has its disks where others have what belongs to their snapshots.
    if (isOwn(path, configFile)) await others.closeMedium("disk", uuid, { deleteFile: true });
  }
  await unlessGone(calls.run("unregistervm", vm));
  if (configFile !== "") await removeFolder(calls, configFile);
}

const folderOf = (file: string): string => file.replace(/[/\\][^/\\]*$/, "");

const isOwn = (path: string, configFile: string): boolean =>
  /^[/\\]Snapshots[/\\]/.test(path.slice(folderOf(configFile).length)) &&
  path.startsWith(folderOf(configFile));

/** Only what is VirtualBox's own: someone may have put a file there. */
async function removeFolder({ files, signal }: Calls, configFile: string): Promise<void> {
  const options = signal ? { signal } : {};
  const folder = folderOf(configFile);
  const clear = async (path: string, own: RegExp) => {
    for (const name of await files.list(path, options))
      if (own.test(name)) await files.remove(files.join(path, name), options);
    await files.removeEmptyFolder(path, options);
  };
  await clear(files.join(folder, "Logs"), OWN_LOG);
  await clear(files.join(folder, "Snapshots"), OWN_STATE);
  await clear(folder, OWN);
}
