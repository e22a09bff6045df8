import type { SshTarget } from "../ssh/target";
import { type Caller, callsOf } from "./calls";
import type { VirtualBoxClient } from "./client";
import { deleteVm } from "./delete-vm";
import { unlessGone } from "./errors";
import type { Host } from "./host";
import { machineCalls } from "./machine-calls";
import { networkCalls } from "./network-calls";
import { withParents } from "./parents";
import { readMachineFolder, readOsTypes } from "./parse/host";
import { readSettingsFile } from "./parse/settings-file";
import { readConfigFile } from "./parse/vm-facts";
import { powerCalls } from "./power-calls";
import { snapshotCalls } from "./snapshot-calls";
import { storageCalls } from "./storage-calls";

export interface ClientParts {
  host: Host;
  /** What VirtualBox told of itself, for all clients of the host. */
  known: { machineFolder?: Promise<string> };
  via?: SshTarget | undefined;
  /** Whether machines there run by VirtualBox's kernel module. */
  needsModule: () => Promise<boolean>;
  close?: () => Promise<void>;
}

/** The client of one run; cheap, because queue, lock and connection are the host's. */
export function vboxManageClient(parts: ClientParts, caller: Caller = {}): VirtualBoxClient {
  const { host, known } = parts;
  const calls = withParents(callsOf(host, caller));
  const { run, files } = calls;
  const withSignal = <T extends object>(options?: T): T =>
    ({ ...(caller.signal && { signal: caller.signal }), ...options }) as T;

  const settingsOf = async (configFile: string) => {
    const text = await files.read(configFile, withSignal());
    return text && readSettingsFile(text.toString("utf8"));
  };
  const tree = async (vm: string) => {
    const told = await unlessGone(run("showvminfo", vm, "--machinereadable"));
    if (told === undefined) return undefined;
    const configFile = readConfigFile(told);
    const settings = await settingsOf(configFile);
    return { snapshots: settings?.snapshots ?? [], folder: configFile.replace(/[^/\\]*$/, "") };
  };
  const storage = storageCalls(calls);
  const snapshots = snapshotCalls(calls, { ...storage, tree });

  return {
    label: host.label,
    via: parts.via,
    place: known,
    version: async () => (await run("--version")).trim(),
    defaultMachineFolder: () => {
      known.machineFolder ??= run("list", "systemproperties")
        .then(readMachineFolder)
        .catch((error: unknown) => {
          delete known.machineFolder;
          throw error;
        });
      return known.machineFolder;
    },
    osTypes: async () => readOsTypes(await run("list", "ostypes")),
    ...machineCalls(calls),
    ...powerCalls(calls, parts.needsModule),
    ...storage,
    ...snapshots,
    ...networkCalls(calls),
    deleteVm: (vm, options) => deleteVm(calls, { ...storage, ...snapshots, settingsOf }, vm, options),
    putFile: (path, content, options) => files.put(path, content, withSignal(options)),
    readFile: (path, options) => files.read(path, withSignal(options)),
    fileSize: (path, options) => files.size(path, withSignal(options)),
    fileExists: async (path, options) => (await files.size(path, withSignal(options))) !== undefined,
    listFolder: (path, options) => files.list(path, withSignal(options)),
    removeFile: (path, options) => files.remove(path, withSignal(options)),
    makeFolder: (path, options) => files.makeFolder(path, withSignal(options)),
    removeEmptyFolder: (path, options) => files.removeEmptyFolder(path, withSignal(options)),
    join: files.join,
    close: parts.close ?? (async () => {}),
  };
}
