import { LabError } from "../core/errors";
import type { Calls } from "./calls";
import type { MachineSettings, VirtualBoxClient } from "./client";
import { isInaccessible, unlessGone } from "./errors";
import { OFF, type VmFacts, type VmRef } from "./facts";
import { nicOptions } from "./nic-options";
import { readExtraData } from "./parse/host";
import { readSettingsFile } from "./parse/settings-file";
import { readConfigFile, readPower, readVmFacts } from "./parse/vm-facts";
import { readVmList } from "./parse/vm-list";

type MachineCalls = Pick<
  VirtualBoxClient,
  | "vms"
  | "vm"
  | "power"
  | "createVm"
  | "modifyVm"
  | "registerVm"
  | "unregisterVm"
  | "cloneVm"
  | "exportVm"
  | "extraData"
  | "setExtraData"
  | "addSharedFolder"
  | "removeSharedFolder"
>;

const BOOT_SLOTS = 4;

export function machineCalls(calls: Calls): MachineCalls {
  const { run, runLong } = calls;
  const vms = async () => readVmList(await run("list", "vms"));

  const look = async (uuid: string): Promise<VmFacts | undefined> => {
    const told = await unlessGone(run("showvminfo", uuid, "--machinereadable")).catch((cause: unknown) => {
      if (!isInaccessible(cause)) throw cause;
      throw new LabError(
        `${calls.label}: VirtualBox cannot read the settings file of machine ${uuid}. Put it back, or forget the machine with "VBoxManage unregistervm ${uuid}".`,
        { cause },
      );
    });
    if (told === undefined) return undefined;
    const file = readConfigFile(told);
    const settings = await calls.files.read(file, { ...(calls.signal && { signal: calls.signal }) });
    if (settings === undefined)
      throw new LabError(
        `${calls.label}: the settings file ${file} of machine ${uuid} is gone. Put it back, or unregister the machine.`,
      );
    return readVmFacts(told, readSettingsFile(settings.toString("utf8")));
  };

  return {
    vms,
    vm: async (ref) => {
      if (typeof ref === "string") return look(ref);
      // A name given to VBoxManage may also be a UUID or a path.
      const found = (await vms()).find(({ name }) => name === ref.name);
      return found && look(found.uuid);
    },
    power: async (vm) => {
      const told = await unlessGone(run("showvminfo", vm, "--machinereadable"));
      return told === undefined ? undefined : readPower(told);
    },
    createVm: async ({ name, uuid, osType, folder }): Promise<VmRef> => {
      const base = folder === undefined ? [] : ["--basefolder", folder];
      const told = await run(
        "createvm",
        "--name",
        name,
        "--uuid",
        uuid,
        "--ostype",
        osType,
        ...base,
        "--register",
      );
      return { name, uuid: /^UUID: ([0-9a-f-]{36})$/m.exec(told)?.[1] ?? uuid };
    },
    modifyVm: async (vm, settings, known) => {
      const removals = await forwardsToRemove(look, vm, settings, known);
      const options = [
        ...settingOptions(settings),
        ...removals,
        ...(settings.nics ?? []).flatMap(nicOptions),
      ];
      if (options.length > 0) await run("modifyvm", vm, ...options);
    },
    registerVm: async (file) => {
      await run("registervm", file);
    },
    unregisterVm: async (vm) => {
      await unlessGone(run("unregistervm", vm));
    },
    cloneVm: async (vm, { name, uuid, folder, snapshot, linked, keepMacs }, options) => {
      if (linked && snapshot === undefined)
        throw new LabError(`a linked clone of machine ${vm} needs a snapshot to build on`);
      const modes = [...(linked ? ["link"] : []), ...(keepMacs ? ["keepallmacs"] : [])];
      const argv = ["clonevm", vm, "--name", name, "--uuid", uuid, "--register"];
      if (folder !== undefined) argv.push("--basefolder", folder);
      if (snapshot !== undefined) argv.push("--snapshot", snapshot);
      if (modes.length > 0) argv.push("--options", modes.join(","));
      await runLong(argv, options);
      return { name, uuid };
    },
    exportVm: async (vm, path, options) => {
      await runLong(["export", vm, "-o", path], options);
    },
    extraData: async (of) => readExtraData(await run("getextradata", of, "enumerate")),
    setExtraData: async (of, key, value) => {
      await run("setextradata", of, key, ...(value === undefined ? [] : [value]));
    },
    addSharedFolder: async (vm, { name, path, readOnly, autoMount }) => {
      const flags = [...(readOnly ? ["--readonly"] : []), ...(autoMount ? ["--automount"] : [])];
      await run("sharedfolder", "add", vm, "--name", name, "--hostpath", path, ...flags);
    },
    removeSharedFolder: async (vm, name) => {
      await unlessGone(run("sharedfolder", "remove", vm, "--name", name));
    },
  };
}

function settingOptions(settings: MachineSettings): string[] {
  const { name, description, osType, cpus, memoryMiB, firmware, boot, serialFile } = settings;
  const options: string[] = [];
  const set = (option: string, value: string | number | undefined) => {
    if (value !== undefined) options.push(option, `${value}`);
  };
  set("--name", name);
  set("--description", description);
  set("--os-type", osType);
  set("--cpus", cpus);
  set("--memory", memoryMiB);
  set("--firmware", firmware && { bios: "bios", uefi: "efi" }[firmware]);
  if (boot) {
    if (boot.length > BOOT_SLOTS)
      throw new LabError(`VirtualBox boots from at most ${BOOT_SLOTS} devices, not ${boot.length}`);
    for (let at = 0; at < BOOT_SLOTS; at++) set(`--boot${at + 1}`, boot[at] ?? "none");
  }
  if (serialFile === false) set("--uart1", "off");
  else if (serialFile !== undefined)
    options.push("--uart1", "0x3F8", "4", "--uart-mode1", "file", serialFile);
  return options;
}

/** Forwards cannot be replaced, only removed and added; removing one that is not there is an error. */
async function forwardsToRemove(
  look: (uuid: string) => Promise<VmFacts | undefined>,
  vm: string,
  settings: MachineSettings,
  known: Pick<VmFacts, "nics"> | undefined,
): Promise<string[]> {
  const wanted = (settings.nics ?? []).filter(({ forwards }) => forwards !== undefined);
  if (wanted.length === 0) return [];
  const { nics = [] } = known ?? (await lookAtOff(look, vm)) ?? {};
  return wanted.flatMap(({ slot }) => {
    const { forwards = [] } = nics.find((nic) => nic.slot === slot)?.nat ?? {};
    return forwards.flatMap(({ name }) => [`--natpf${slot}`, "delete", name]);
  });
}

async function lookAtOff(
  look: (uuid: string) => Promise<VmFacts | undefined>,
  vm: string,
): Promise<VmFacts | undefined> {
  const found = await look(vm);
  if (found && !OFF.has(found.power))
    throw new LabError(
      `machine "${found.name}" is ${found.power}: its settings can be changed only while it is off`,
    );
  return found;
}
