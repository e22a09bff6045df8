import { randomUUID } from "node:crypto";
import { type Context, com, context, FROM, type Origin, Refusal, SyntaxRefusal } from "../errors";
import type { Call } from "../interpreter";
import { has, optionOf, parseOptions } from "../options";
import { UUID } from "../store/media";
import type { Hardware, Snapshot, Vm } from "../store/types";
import type { VirtualBox } from "../store/virtualbox";
import { humanInfo } from "./show-human";
import { snapshotKeys, snapshotTree } from "./snapshot-list";
import { difference } from "./storage";

const FILE = "Snapshot";
const FIND_VM = context("FindMachine(bstrMachine.raw(), pMachine.asOutParam())", 344, FILE);
const FIND: Context = context("FindSnapshot(Bstr(a->argv[2]).raw(), pSnapshot.asOutParam())", 537, FILE);
const DELETE = context("DeleteSnapshot(bstrSnapGuid.raw(), pProgress.asOutParam())", 554, FILE);
const NONE = "This machine does not have any snapshots";

export async function snapshot({ virtualBox, session, args }: Call): Promise<void> {
  const [ref = "", action = "", ...rest] = args;
  const vm = virtualBox.find(ref, FIND_VM);
  const call: Call = { virtualBox, session, args: rest };
  if (action === "list") list(vm, call);
  else if (action === "take") await take(vm, call);
  else if (action === "edit") edit(vm, call);
  else if (action === "delete") await remove(vm, call);
  else if (action === "restore" || action === "restorecurrent") await restore(vm, call, action);
  else if (action === "showvminfo") show(vm, call);
  else throw new SyntaxRefusal(`Invalid parameter '${action}'`, "snapshot", 1, true);
}

/** Before anything else every action but `list` asks for the machine's lock. */
function mustBeOff(vm: Vm): void {
  if (vm.state !== "running" && vm.state !== "paused") return;
  const text = "Cannot restore a snapshot of a running machine";
  const state = `Invalid machine state: Running`;
  throw com(`${state} (${text})`, "VBOX_E_INVALID_VM_STATE", FROM.session, FIND);
}

function list(vm: Vm, { session, args }: Call): void {
  if (vm.snapshots.length === 0) throw new Refusal([NONE], 1, undefined, true);
  session.out(...(args.includes("--machinereadable") ? snapshotKeys(vm) : snapshotTree(vm)));
}

async function take(vm: Vm, { virtualBox, session, args }: Call): Promise<void> {
  const parsed = parseOptions(
    args,
    [
      { names: ["--description", "--desc", "-d"] },
      { names: ["--live", "-l"], value: "none" },
      { names: ["--pause"], value: "none" },
      { names: ["--uniquename"] },
    ],
    { command: "snapshot" },
  );
  const [name] = parsed.words;
  if (name === undefined) throw new SyntaxRefusal("Missing snapshot name", "snapshot", 1);
  const made: Snapshot = {
    uuid: randomUUID(),
    name,
    description: optionOf(parsed, "--description") ?? "",
    time: virtualBox.now(),
    hardware: structuredClone(vm.hardware),
    ...(vm.currentSnapshot !== undefined && { parent: vm.currentSnapshot }),
  };
  vm.hardware = overlay(virtualBox, vm, vm.hardware);
  vm.snapshots.push(made);
  vm.currentSnapshot = made.uuid;
  await virtualBox.guests.keep?.(vm.uuid, made.uuid);
  virtualBox.save(vm);
  session.progress();
  session.out(`Snapshot taken. UUID: ${made.uuid}`);
}

/** The same hardware, with each disk behind an empty differencing one. */
function overlay(virtualBox: VirtualBox, vm: Vm, hardware: Hardware): Hardware {
  const next = structuredClone(hardware);
  for (const controller of next.controllers) {
    for (const slot of controller.attachments) {
      const medium = slot.medium === undefined ? undefined : virtualBox.media.get(slot.medium);
      if (medium?.kind === "disk") slot.medium = difference(virtualBox, vm, medium).uuid;
    }
  }
  return next;
}

/** By UUID or name; of several with one name, the one nearest to the root. */
function find(vm: Vm, ref: string, at = FIND, from: Origin = FROM.session): Snapshot {
  const uuid = UUID.exec(ref)?.[1]?.toLowerCase();
  const found = vm.snapshots.find((one) => (uuid === undefined ? one.name === ref : one.uuid === uuid));
  if (found) return found;
  if (vm.snapshots.length === 0)
    throw com(NONE, uuid === undefined ? "VBOX_E_OBJECT_NOT_FOUND" : "NS_ERROR_FAILURE", from, at);
  if (uuid === undefined)
    throw com(`Could not find a snapshot named '${ref}'`, "VBOX_E_OBJECT_NOT_FOUND", from, at);
  throw com(`Could not find a snapshot with UUID {${uuid}}`, "NS_ERROR_FAILURE", from, at);
}

export const findSnapshot = find;

function edit(vm: Vm, { virtualBox, args }: Call): void {
  const parsed = parseOptions(
    args,
    [
      { names: ["--current", "-c"], value: "none" },
      { names: ["--description", "--desc", "-d"] },
      { names: ["--name", "-n"] },
    ],
    { command: "snapshot" },
  );
  const at = context("FindSnapshot(Bstr(Value.psz).raw(), pSnapshot.asOutParam())", 618, FILE);
  const ref = has(parsed, "--current") ? (vm.currentSnapshot ?? "") : (parsed.words[0] ?? "");
  const found = find(vm, ref, at);
  found.name = optionOf(parsed, "--name") ?? found.name;
  found.description = optionOf(parsed, "--description") ?? found.description;
  virtualBox.save(vm);
}

function show(vm: Vm, { virtualBox, session, args }: Call): void {
  const found = find(vm, args[0] ?? "");
  session.out(...humanInfo(virtualBox, { ...vm, hardware: found.hardware }));
}

async function restore(vm: Vm, { virtualBox, session, args }: Call, action: string): Promise<void> {
  if (action === "restorecurrent" && vm.snapshots.length === 0) throw new Refusal([NONE], 1, undefined, true);
  const found = find(vm, action === "restorecurrent" ? (vm.currentSnapshot ?? "") : (args[0] ?? ""));
  mustBeOff(vm);
  session.out(`Restoring snapshot '${found.name}' (${found.uuid})`);
  dropDifferences(virtualBox, vm);
  vm.hardware = overlay(virtualBox, vm, found.hardware);
  vm.currentSnapshot = found.uuid;
  vm.stateSince = virtualBox.now();
  await virtualBox.guests.restore?.(vm.uuid, found.uuid);
  virtualBox.save(vm);
  session.progress();
}

/** What was written since the snapshot goes. */
function dropDifferences({ media }: VirtualBox, vm: Vm): void {
  for (const controller of vm.hardware.controllers) {
    for (const slot of controller.attachments) {
      const medium = slot.medium === undefined ? undefined : media.get(slot.medium);
      const isOwn = medium?.parent !== undefined && medium.location.includes("/Snapshots/");
      if (medium && isOwn && media.childrenOf(medium).length === 0) media.remove(medium);
    }
  }
}

async function remove(vm: Vm, { virtualBox, session, args }: Call): Promise<void> {
  const found = find(vm, args[0] ?? "");
  const children = vm.snapshots.filter((one) => one.parent === found.uuid);
  session.out(`Deleting snapshot '${found.name}' (${found.uuid})`);
  if (children.length > 1) {
    const text = `Snapshot '${found.name}' of the machine '${vm.name}' cannot be deleted, because it has ${children.length} child snapshots, which is more than the one snapshot allowed for deletion`;
    throw com(text, "VBOX_E_INVALID_OBJECT_STATE", FROM.session, DELETE);
  }
  const [child] = children;
  const next = child?.hardware ?? (vm.currentSnapshot === found.uuid ? vm.hardware : undefined);
  checkMerge(virtualBox, found);
  await merge(virtualBox, found.hardware, next);
  vm.snapshots = vm.snapshots.filter((one) => one !== found);
  for (const one of children) {
    if (found.parent === undefined) delete one.parent;
    else one.parent = found.parent;
  }
  if (vm.currentSnapshot === found.uuid) {
    if (found.parent === undefined) delete vm.currentSnapshot;
    else vm.currentSnapshot = found.parent;
  }
  await virtualBox.guests.release?.(vm.uuid, found.uuid);
  virtualBox.save(vm);
  session.progress();
}

/** A disk that others build on cannot be merged: a linked clone needs it as it is. */
function checkMerge({ media }: VirtualBox, found: Snapshot): void {
  for (const { medium: uuid } of found.hardware.controllers.flatMap((one) => one.attachments)) {
    const medium = uuid === undefined ? undefined : media.get(uuid);
    const count = medium ? media.childrenOf(medium).length : 0;
    if (!medium || count < 2) continue;
    throw new Refusal(
      [
        "Snapshot operation failed",
        `Hard disk '${medium.location}' has more than one child hard disk (${count})`,
        "Details: code NS_ERROR_FAILURE (0x80004005), component SessionMachine, interface IMachine",
        `Context: "RTEXITCODE handleSnapshot(HandlerArg*)" at line 564 of file VBoxManageSnapshot.cpp`,
      ],
      1,
      "NS_ERROR_FAILURE",
    );
  }
}

/** Disks of a deleted snapshot take in what was written after it, and stand where that stood. */
async function merge({ media }: VirtualBox, from: Hardware, next: Hardware | undefined): Promise<void> {
  for (const controller of from.controllers) {
    for (const slot of controller.attachments) {
      const medium = slot.medium === undefined ? undefined : media.get(slot.medium);
      if (medium?.kind !== "disk") continue;
      const [child] = media.childrenOf(medium);
      if (!child) {
        if (medium.parent !== undefined) media.remove(medium);
        continue;
      }
      await media.absorb(child, medium);
      for (const other of next?.controllers.flatMap((one) => one.attachments) ?? [])
        if (other.medium === child.uuid) other.medium = medium.uuid;
    }
  }
}
