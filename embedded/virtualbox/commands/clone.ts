import { randomUUID } from "node:crypto";
import * as path from "node:path";
import { com, context, FROM, SyntaxRefusal } from "../errors";
import type { Call } from "../interpreter";
import { has, optionOf, parseOptions } from "../options";
import { newMac } from "../store/defaults";
import type { Hardware, Vm } from "../store/types";
import type { VirtualBox } from "../store/virtualbox";
import { fileNameOf } from "../store/virtualbox";
import { findSnapshot } from "./snapshot";
import { difference } from "./storage";
import { checkFree, newVm, register } from "./vm";

const FIND = context("FindMachine(Bstr(pszSrcName).raw(), srcMachine.asOutParam())", 701, "Misc");
const SNAPSHOT = context("FindSnapshot(Bstr(pszSnapshotName).raw(), srcSnapshot.asOutParam())", 716, "Misc");
const CREATE = context(
  "CreateMachine(bstrSettingsFile.raw(), Bstr(pszTrgName).raw(), platformArch, ComSafeArrayAsInParam(groups), NULL, createFlags.raw(), NULL, NULL, NULL, trgMachine.asOutParam())",
  743,
  "Misc",
);
const CLONE = context(
  "CloneTo(trgMachine, mode, ComSafeArrayAsInParam(options), progress.asOutParam())",
  757,
  "Misc",
);

export async function cloneVm({ virtualBox, session, args }: Call): Promise<void> {
  const parsed = parseOptions(
    args,
    [
      { names: ["--name", "-n"] },
      { names: ["--snapshot", "-s"] },
      { names: ["--groups", "-g"] },
      { names: ["--mode", "-m"] },
      { names: ["--options", "-o"] },
      { names: ["--register", "-r"], value: "none" },
      { names: ["--basefolder", "-p"] },
      { names: ["--uuid", "-u"] },
    ],
    { command: "clonevm" },
  );
  const [ref] = parsed.words;
  if (ref === undefined) throw new SyntaxRefusal("VM name required", "clonevm");
  const source = virtualBox.find(ref, FIND);
  const snapshot = optionOf(parsed, "--snapshot");
  const from = snapshot === undefined ? undefined : findSnapshot(source, snapshot, SNAPSHOT, FROM.machine);
  const options = (optionOf(parsed, "--options") ?? "").toLowerCase().split(",");
  const linked = options.includes("link");
  const name = optionOf(parsed, "--name") ?? `${source.name} Clone`;
  const folder = optionOf(parsed, "--basefolder");
  const clone = newVm(virtualBox, {
    name,
    uuid: (optionOf(parsed, "--uuid") ?? randomUUID()).toLowerCase(),
    osType: source.osType,
    baseFolder: folder === undefined ? virtualBox.machineFolder : path.resolve(session.cwd, folder),
    group: optionOf(parsed, "--groups") ?? "/",
    hardware: structuredClone(from?.hardware ?? source.hardware),
  });
  checkFree(clone, CREATE);
  if (linked && !from)
    throw com(
      "Linked clone can only be created from a snapshot",
      "NS_ERROR_INVALID_ARG",
      FROM.machine,
      CLONE,
    );
  clone.description = source.description;
  clone.extraData = { ...source.extraData };
  if (!options.includes("keepallmacs")) newMacs(clone.hardware, options.includes("keepnatmacs"));
  await cloneDisks(virtualBox, clone, linked);
  register(virtualBox, clone, has(parsed, "--register"));
  session.progress();
  session.out(`Machine has been successfully cloned as "${name}"`);
}

function newMacs(hardware: Hardware, keepNat: boolean): void {
  for (const nic of hardware.nics) if (!keepNat || nic.type !== "nat") nic.mac = newMac();
}

async function cloneDisks(virtualBox: VirtualBox, clone: Vm, linked: boolean): Promise<void> {
  const { media } = virtualBox;
  const folder = path.dirname(clone.configFile);
  const slots = clone.hardware.controllers.flatMap((one) => one.attachments);
  const several = slots.filter((slot) => slot.kind === "disk").length > 1;
  let disks = 0;
  for (const slot of slots) {
    const medium = slot.medium === undefined ? undefined : media.get(slot.medium);
    if (medium?.kind !== "disk") continue;
    disks++;
    if (linked) {
      slot.medium = difference(virtualBox, clone, medium).uuid;
      continue;
    }
    const copy = media.create({
      location: path.join(folder, `${fileNameOf(clone.name)}${several ? `-disk${disks}` : ""}.vdi`),
      format: "VDI",
      capacity: medium.capacity,
      variant: "dynamic",
    });
    await media.copy(medium, copy);
    slot.medium = copy.uuid;
  }
}
