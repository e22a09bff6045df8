import { randomUUID } from "node:crypto";
import * as fs from "node:fs";
import * as path from "node:path";
import { com, context, FROM, Refusal, SyntaxRefusal, said } from "../errors";
import type { Call } from "../interpreter";
import { has, optionOf, parseOptions } from "../options";
import { newHardware, OS_TYPES } from "../store/defaults";
import { UUID } from "../store/media";
import type { Medium, Vm } from "../store/types";
import { fileNameOf, type VirtualBox } from "../store/virtualbox";

const CREATE = context(
  "CreateMachine(bstrSettingsFile.raw(), bstrName.raw(), platformArch, ComSafeArrayAsInParam(groups), bstrOsTypeId.raw(), createFlags.raw(), bstrCipher.raw(), bstrPasswordId.raw(), Bstr(strPassword).raw(), machine.asOutParam())",
  429,
  "Misc",
);
const OPEN = context(
  "OpenMachine(Bstr(a->argv[0]).raw(), Bstr(strPassword).raw(), machine.asOutParam()))",
  159,
  "Misc",
);
const FIND = context("FindMachine(Bstr(VMName).raw(), machine.asOutParam())", 228, "Misc");

export async function createVm({ virtualBox, session, args }: Call): Promise<void> {
  const parsed = parseOptions(
    args,
    [
      { names: ["--name", "-n"] },
      { names: ["--basefolder", "-p"] },
      { names: ["--groups", "-g"] },
      { names: ["--ostype", "-o"] },
      { names: ["--uuid", "-u"] },
      { names: ["--platform-architecture"] },
      { names: ["--register", "-r"], value: "none" },
      { names: ["--default", "-d"], value: "none" },
    ],
    { command: "createvm" },
  );
  const name = optionOf(parsed, "--name");
  if (!name) throw new SyntaxRefusal("Parameter --name is required", "createvm");
  const osType = optionOf(parsed, "--ostype");
  if (osType !== undefined && !(osType in OS_TYPES)) throw said("Unknown or invalid guest OS type given.");
  const given = optionOf(parsed, "--uuid");
  const uuid = given === undefined ? randomUUID() : UUID.exec(given)?.[1]?.toLowerCase();
  if (uuid === undefined) throw new SyntaxRefusal("Invalid UUID", "createvm");
  const folder = optionOf(parsed, "--basefolder");
  const vm = newVm(virtualBox, {
    name,
    uuid,
    osType: osType ?? "Other",
    baseFolder: folder === undefined ? virtualBox.machineFolder : path.resolve(session.cwd, folder),
    group: optionOf(parsed, "--groups") ?? "/",
    hardware: newHardware(osType),
  });
  checkFree(vm, CREATE);
  const registered = has(parsed, "--register");
  // What an earlier machine of this UUID had in it is not the new one's.
  if (!virtualBox.withUuid(uuid)?.registered) await virtualBox.guests.forget(uuid);
  register(virtualBox, vm, registered);
  session.out(
    `Virtual machine '${name}' is created${registered ? " and registered" : ""}.`,
    `UUID: ${uuid}`,
    `Settings file: '${vm.configFile}'`,
  );
}

export const configFileOf = (baseFolder: string, group: string, name: string): string => {
  const file = fileNameOf(name);
  return path.join(baseFolder, group, file, `${file}.vbox`);
};

export function newVm(
  virtualBox: VirtualBox,
  facts: Pick<Vm, "name" | "uuid" | "osType" | "baseFolder" | "group" | "hardware">,
): Vm {
  return {
    ...facts,
    registered: false,
    configFile: configFileOf(facts.baseFolder, facts.group, facts.name),
    description: "",
    extraData: {},
    guestProperties: {},
    snapshots: [],
    state: "poweroff",
    stateSince: virtualBox.now(),
  };
}

export function checkFree(vm: Vm, at: typeof CREATE): void {
  if (!fs.existsSync(vm.configFile)) return;
  const text = `Machine settings file '${vm.configFile}' already exists`;
  throw com(text, "VBOX_E_FILE_ERROR", FROM.machine, at);
}

/** Its settings file is there even when the registration is refused. */
export function register(virtualBox: VirtualBox, vm: Vm, registered: boolean): void {
  const twin = virtualBox.withUuid(vm.uuid);
  if (twin?.registered && registered) {
    fs.mkdirSync(path.dirname(vm.configFile), { recursive: true, mode: 0o700 });
    fs.writeFileSync(vm.configFile, "", { mode: 0o600 });
    const text = `Registered machine with UUID {${vm.uuid}} ('${twin.configFile}') already exists`;
    const at = context("RegisterMachine(machine)", 450, "Misc");
    throw com(text, "NS_ERROR_INVALID_ARG", FROM.virtualBox, at);
  }
  vm.registered = registered;
  virtualBox.save(vm);
}

export function registerVm({ virtualBox, session, args }: Call): void {
  const file = path.resolve(session.cwd, args[0] ?? "");
  if (!fs.existsSync(file)) {
    throw new Refusal([
      `Runtime error opening '${file}' for reading VERR_FILE_NOT_FOUND (File not found.).`,
      "/build/reproducible-path/virtualbox-7.2.22-dfsg/src/VBox/Main/src-server/MachineImpl.cpp[706] (nsresult Machine::initFromSettings(VirtualBox*, const com::Utf8Str&, const com::Guid*, const com::Utf8Str&))",
      ...com("", "NS_ERROR_FAILURE", FROM.machine, OPEN).lines.slice(1),
    ]);
  }
  // The file is the truth: another machine may have had its place before.
  const uuid = /<Machine uuid="\{([0-9a-f-]+)\}"/i.exec(fs.readFileSync(file, "utf8"))?.[1]?.toLowerCase();
  const vm = uuid === undefined ? virtualBox.withConfig(file) : virtualBox.withUuid(uuid);
  if (vm?.registered) {
    const text = `Trying to open a VM config '${file}' which has the same UUID as an existing virtual machine`;
    throw com(text, "NS_ERROR_FAILURE", FROM.machine, OPEN);
  }
  if (!vm) {
    const text = `'${file}' was not written by this VirtualBox`;
    throw com(text, "NS_ERROR_FAILURE", FROM.machine, OPEN);
  }
  vm.registered = true;
  for (const medium of vm.ownMedia ?? [])
    if (!virtualBox.media.get(medium.uuid)) virtualBox.media.save(medium);
  delete vm.ownMedia;
  virtualBox.save(vm);
}

export async function unregisterVm({ virtualBox, session, args }: Call): Promise<void> {
  const parsed = parseOptions(
    args,
    [
      { names: ["--delete", "-d"], value: "none" },
      { names: ["--delete-all"], value: "none" },
    ],
    { command: "unregistervm" },
  );
  const vm = virtualBox.find(parsed.words[0] ?? "", FIND);
  if (vm.state === "running" || vm.state === "paused") {
    const text = `Cannot unregister the machine '${vm.name}' while it is locked`;
    const at = context(
      "Unregister(CleanupMode_DetachAllReturnHardDisksOnly, ComSafeArrayAsOutParam(aMedia))",
      240,
      "Misc",
    );
    throw com(text, "VBOX_E_INVALID_OBJECT_STATE", FROM.machine, at);
  }
  if (!has(parsed, "--delete") && !has(parsed, "--delete-all")) {
    vm.registered = false;
    setMediaAside(virtualBox, vm);
    virtualBox.save(vm);
    return;
  }
  const media = mediaOf(virtualBox, vm);
  virtualBox.drop(vm);
  removeMedia(virtualBox, media);
  virtualBox.removeFiles(vm);
  await virtualBox.guests.forget(vm.uuid);
  session.progress();
}

/** Disks that it has now or in a snapshot. */
function mediaOf({ media }: VirtualBox, vm: Vm): Medium[] {
  const all = [vm.hardware, ...vm.snapshots.map((one) => one.hardware)];
  const uuids = all.flatMap((hardware) =>
    hardware.controllers.flatMap((one) => one.attachments.flatMap(({ medium }) => medium ?? [])),
  );
  return [...new Set(uuids)].flatMap((uuid) => media.get(uuid) ?? []).filter((one) => one.kind === "disk");
}

/** All disks of the chains that nobody else needs: also the base that a linked clone was made of. */
function removeMedia(virtualBox: VirtualBox, disks: Medium[]): void {
  const { media } = virtualBox;
  const doomed = new Map(disks.flatMap((disk) => media.chain(disk)).map((one) => [one.uuid, one]));
  for (let before = -1; before !== doomed.size; ) {
    before = doomed.size;
    for (const medium of doomed.values()) {
      if (media.childrenOf(medium).length > 0 || virtualBox.usersOf(medium).length > 0) continue;
      doomed.delete(medium.uuid);
      media.remove(medium);
    }
  }
}

/** The registry of a machine's media is in its own file: VirtualBox forgets them with it. */
function setMediaAside(virtualBox: VirtualBox, vm: Vm): void {
  const { media } = virtualBox;
  const own = new Map(
    mediaOf(virtualBox, vm)
      .flatMap((disk) => media.chain(disk))
      .map((one) => [one.uuid, one]),
  );
  const isForeign = (uuid: string): boolean => {
    const medium = media.get(uuid);
    if (!medium) return false;
    const used = virtualBox.usersOf(medium).some((user) => user.vm !== vm && user.vm.registered);
    return used || media.childrenOf(medium).some((child) => !own.has(child.uuid) || isForeign(child.uuid));
  };
  vm.ownMedia = [...own.values()].filter(({ uuid }) => !isForeign(uuid));
  for (const medium of vm.ownMedia) media.forget(medium);
}
