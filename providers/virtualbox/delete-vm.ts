import type { Calls } from "./calls";
import type { LongOptions, VirtualBoxClient } from "./client";
import { isInaccessible, unlessGone } from "./errors";
import type { SettingsFile } from "./parse/settings-file";
import { readConfigFile } from "./parse/vm-facts";

/** What the machine's folder holds that VirtualBox wrote: settings, NVRAM, saved states, logs, recordings. */
const OWN = /\.(vbox|vbox-prev|vbox-tmp|nvram|webm)$/;
const OWN_LOG = /^(VBox|VBoxHardening|VBoxUI|VBoxSVC).*\.log(\.\d+)?$/;
const OWN_STATE = /\.(sav|nvram)$|^\{[0-9a-f-]{36}\}\.(vdi|vmdk|vhd)$/i;

/**
 * Remove a machine, and none of its media. `unregistervm --delete` is not used: it deletes media in other folders and
 * the parents of linked clones, and where one of those is in use it fails half-way, with the machine unregistered
 * (measured on 7.2.22).
 */
export async function deleteVm(
  calls: Calls,
  deleteSnapshot: VirtualBoxClient["deleteSnapshot"],
  settingsOf: (configFile: string) => Promise<SettingsFile | undefined>,
  vm: string,
  options?: LongOptions,
): Promise<void> {
  const told = await unlessGone(calls.run("showvminfo", vm, "--machinereadable")).catch((error: unknown) => {
    if (isInaccessible(error)) return "";
    throw error;
  });
  if (told === undefined) return;
  const configFile = readConfigFile(told);
  const settings = configFile === "" ? undefined : await settingsOf(configFile);
  // What was written since the last snapshot is in a file of the machine's own; the media are to keep it. Children
  // first: a snapshot with several cannot be deleted.
  for (const { uuid } of [...(settings?.snapshots ?? [])].reverse()) await deleteSnapshot(vm, uuid, options);
  await unlessGone(calls.run("unregistervm", vm));
  if (configFile !== "") await removeFolder(calls, configFile);
}

/** Only what is VirtualBox's own: someone may have put a file there. */
async function removeFolder({ files, signal }: Calls, configFile: string): Promise<void> {
  const options = signal ? { signal } : {};
  const folder = configFile.replace(/[/\\][^/\\]*$/, "");
  const clear = async (path: string, own: RegExp) => {
    for (const name of await files.list(path, options))
      if (own.test(name)) await files.remove(files.join(path, name), options);
    await files.removeEmptyFolder(path, options);
  };
  await clear(files.join(folder, "Logs"), OWN_LOG);
  await clear(files.join(folder, "Snapshots"), OWN_STATE);
  await clear(folder, OWN);
}
