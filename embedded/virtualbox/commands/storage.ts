import { randomUUID } from "node:crypto";
import * as fs from "node:fs";
import * as path from "node:path";
import { com, context, FROM, Refusal, SyntaxRefusal, said } from "../errors";
import type { Call } from "../interpreter";
import { has, optionOf, parseOptions } from "../options";
import { BUSES, limitsOf } from "../store/defaults";
import type { Attachment, Controller, Medium, Vm } from "../store/types";
import type { VirtualBox } from "../store/virtualbox";
import { lockMachine } from "./lock";

const FILE = "StorageController";
const CTL = context("FindMachine(Bstr(a->argv[0]).raw(), machine.asOutParam())", 1054, FILE);
const ATTACH = context("FindMachine(Bstr(a->argv[0]).raw(), machine.asOutParam())", 339, FILE);
/** Line and name of the bus in the call that failed. */
const ADD: Record<string, [number, string]> = {
  ide: [1082, "IDE"],
  sata: [1088, "SATA"],
  scsi: [1094, "SCSI"],
  floppy: [1100, "Floppy"],
  sas: [1106, "SAS"],
  usb: [1112, "USB"],
  pcie: [1118, "PCIe"],
  virtio: [1124, "VirtioSCSI"],
};

export function storageCtl({ virtualBox, args }: Call): void {
  const parsed = parseOptions(
    args,
    [
      { names: ["--name", "-n"] },
      { names: ["--add", "-a"] },
      { names: ["--controller", "-c"] },
      { names: ["--portcount", "-p"], value: "number" },
      { names: ["--hostiocache", "-i"], value: "switch" },
      { names: ["--bootable", "-b"], value: "switch" },
      { names: ["--rename", "-r"] },
      { names: ["--remove"], value: "none" },
    ],
    { command: "storagectl" },
  );
  if (parsed.options.length < 2) throw new SyntaxRefusal("Too few parameters", "storagectl");
  const vm = virtualBox.find(parsed.words[0] ?? "", CTL);
  lockMachine(vm, context("LockMachine(a->session, LockType_Write)", 1057, FILE));
  const { controllers } = vm.hardware;
  const name = optionOf(parsed, "--name") ?? "";
  const find = (call: string, line: number, and: string[] = []): Controller => {
    const found = controllers.find((one) => one.name === name);
    if (found) return found;
    const text = `Could not find a storage controller named '${name}'`;
    const refusal = com(text, "VBOX_E_OBJECT_NOT_FOUND", FROM.session, context(call, line, FILE));
    throw new Refusal([...refusal.lines, ...and]);
  };
  if (has(parsed, "--remove")) {
    const gone = find("RemoveStorageController(Bstr(pszCtl).raw())", 1072);
    controllers.splice(controllers.indexOf(gone), 1);
    virtualBox.save(vm);
    return;
  }
  const bus = optionOf(parsed, "--add");
  if (bus !== undefined) addController(vm, name, bus);
  const byName = (line: number) =>
    find("GetStorageControllerByName(Bstr(pszCtl).raw(), ctl.asOutParam())", line, [
      `Couldn't find the controller with the name: '${name}'`,
    ]);
  const type = optionOf(parsed, "--controller");
  if (type !== undefined) {
    const known = TYPES[type.toLowerCase()];
    if (!known) throw said(`Invalid --type argument '${type}'`);
    byName(1140).type = known;
  }
  const ports = optionOf(parsed, "--portcount");
  if (ports !== undefined) {
    const controller = byName(1207);
    const { most } = limitsOf(controller);
    if (Number(ports) < 1 || Number(ports) > most) {
      const text = `Invalid port count: ${ports} (must be in range [1, ${most}])`;
      throw com(
        text,
        "NS_ERROR_INVALID_ARG",
        FROM.controller,
        context("COMSETTER(PortCount)(portcount)", 1212, FILE),
      );
    }
    controller.ports = Number(ports);
  }
  const bootable = optionOf(parsed, "--bootable");
  if (bootable !== undefined) byName(1250).bootable = bootable === "on";
  const newName = optionOf(parsed, "--rename");
  if (newName !== undefined) byName(1270).name = newName;
  virtualBox.save(vm);
}

const TYPES: Record<string, string> = {
  intelahci: "IntelAhci",
  nvme: "NVMe",
  virtio: "VirtioSCSI",
  "virtio-scsi": "VirtioSCSI",
  lsilogic: "LsiLogic",
  buslogic: "BusLogic",
  lsilogicsas: "LsiLogicSas",
  piix3: "PIIX3",
  piix4: "PIIX4",
  ich6: "ICH6",
  usb: "USB",
  i82078: "I82078",
};

function addController(vm: Vm, name: string, word: string): void {
  const kind = word === "virtio-scsi" ? "virtio" : word;
  const made = BUSES[kind];
  const [line = 0, bus = ""] = ADD[kind] ?? [];
  if (!made) throw said(`Invalid --add argument '${word}'`);
  const at = context(
    `AddStorageController(Bstr(pszCtl).raw(), StorageBus_${bus}, ctl.asOutParam())`,
    line,
    FILE,
  );
  const { controllers } = vm.hardware;
  if (controllers.some((one) => one.name === name)) {
    throw com(`Storage controller named '${name}' already exists`, "VBOX_E_OBJECT_IN_USE", FROM.session, at);
  }
  // The PIIX3 chipset has room for one of each.
  if (vm.hardware.more.chipset !== "ich9" && controllers.some((one) => one.bus === made.bus)) {
    throw com("Too many storage controllers of this type", "NS_ERROR_INVALID_ARG", FROM.controller, at);
  }
  const instance = controllers.filter((one) => one.bus === made.bus).length;
  const { type, ports } = made;
  controllers.push({ name, bus: made.bus, type, ports, instance, bootable: true, attachments: [] });
}

export function storageAttach({ virtualBox, session, args }: Call): void {
  const parsed = parseOptions(
    args,
    [
      { names: ["--storagectl", "-s"] },
      { names: ["--port", "-p"], value: "number" },
      { names: ["--device", "-d"], value: "number" },
      { names: ["--medium", "-m"] },
      { names: ["--mtype", "-M"] },
      { names: ["--type", "-t"] },
      { names: ["--hotpluggable"], value: "switch" },
      { names: ["--nonrotational"], value: "switch" },
      { names: ["--discard"], value: "switch" },
      { names: ["--tempeject"], value: "switch" },
      { names: ["--passthrough"], value: "switch" },
      { names: ["--comment"] },
      { names: ["--forceunmount", "-f"], value: "none" },
    ],
    { command: "storageattach" },
  );
  const vm = virtualBox.find(parsed.words[0] ?? "", ATTACH);
  const name = optionOf(parsed, "--storagectl") ?? "";
  const controller = vm.hardware.controllers.find((one) => one.name === name);
  if (!controller) throw said(`Could not find a controller named '${name}'`);
  const [port, device] = [optionOf(parsed, "--port") ?? "0", optionOf(parsed, "--device") ?? "0"].map(
    Number,
  ) as [number, number];
  const slot = controller.attachments.find((one) => one.port === port && one.device === device);
  const ref = optionOf(parsed, "--medium") ?? "";
  if (ref === "none") {
    lockMachine(vm, context("LockMachine(a->session, LockType_Shared)", 350, FILE));
    detach(controller, slot, port, device);
    virtualBox.save(vm);
    return;
  }
  const type = optionOf(parsed, "--type") ?? (slot ? (slot.kind === "dvd" ? "dvddrive" : "hdd") : undefined);
  if (type === undefined) throw said("Argument --type must be specified");
  if (!["hdd", "dvddrive", "fdd"].includes(type)) throw said(`Invalid --type argument '${type}'`, 2);
  const kind = type === "hdd" ? "disk" : "dvd";
  // Disks cannot be exchanged while it runs; a DVD can.
  if (kind === "disk") lockMachine(vm, context("LockMachine(a->session, LockType_Shared)", 350, FILE));
  if (ref === "emptydrive") {
    if (kind === "dvd" && controller.bus === "nvme")
      throw said(`The attachment is not supported by the storage controller '${name}'`);
    put(controller, { port, device, kind: "dvd" });
    virtualBox.save(vm);
    return;
  }
  if (kind === "dvd" && controller.bus === "nvme")
    throw said(`The given attachment is not supported by the storage controller '${name}'`);
  const medium = openFor(virtualBox, ref, kind, session.cwd);
  const mtype = optionOf(parsed, "--mtype");
  if (mtype !== undefined) medium.type = mtype as Medium["type"];
  attach(virtualBox, vm, controller, { port, device, kind: medium.kind, medium: medium.uuid }, medium);
  if (mtype !== undefined) virtualBox.media.save(medium);
  virtualBox.save(vm);
}

function detach(controller: Controller, slot: Attachment | undefined, port: number, device: number): void {
  if (!slot) {
    const text = `No storage device attached to device slot ${device} on port ${port} of controller '${controller.name}'`;
    const at = context("DetachDevice(Bstr(pszCtl).raw(), port, device)", 413, FILE);
    throw com(text, "VBOX_E_OBJECT_NOT_FOUND", FROM.session, at);
  }
  controller.attachments.splice(controller.attachments.indexOf(slot), 1);
}

function openFor(virtualBox: VirtualBox, ref: string, kind: Medium["kind"], cwd: string): Medium {
  try {
    return virtualBox.media.open(ref, kind, cwd);
  } catch (error) {
    if (error instanceof Refusal) throw new Refusal([...error.lines, `Invalid UUID or filename "${ref}"`]);
    throw error;
  }
}

function attach(
  virtualBox: VirtualBox,
  vm: Vm,
  controller: Controller,
  slot: Attachment,
  medium: Medium,
): void {
  const at = context(
    "AttachDevice(Bstr(pszCtl).raw(), port, device, DeviceType_HardDisk, pMedium2Mount)",
    782,
    FILE,
  );
  const { devices, most } = limitsOf(controller);
  if (slot.port >= most || slot.device >= devices) {
    const range = `port=${slot.port} (must be in range [0, ${Math.min(most, controller.ports) - 1}]), device=${slot.device} (must be in range [0, ${devices - 1}])`;
    const text = `The port and/or device parameter are out of range: ${range}`;
    throw com(text, "NS_ERROR_INVALID_ARG", FROM.controller, at);
  }
  const isHere = vm.hardware.controllers.some((one) =>
    one.attachments.some((other) => other.medium === medium.uuid && other.kind === "disk"),
  );
  if (isHere) {
    const text = `Medium '${medium.location}' is already attached to this virtual machine`;
    throw com(text, "VBOX_E_OBJECT_IN_USE", FROM.session, at);
  }
  delete medium.transient;
  virtualBox.media.save(medium);
  const used = isReadOnly(virtualBox, medium) ? difference(virtualBox, vm, medium) : medium;
  // A port behind the last one makes the controller larger.
  controller.ports = Math.max(controller.ports, slot.port + 1);
  put(controller, { ...slot, medium: used.uuid });
}

/** What others build on, or snapshots keep, is attached through a differencing disk of its own. */
function isReadOnly(virtualBox: VirtualBox, medium: Medium): boolean {
  if (medium.kind !== "disk") return false;
  if (medium.type === "immutable" || medium.type === "multiattach") return true;
  if (medium.type !== "normal") return false;
  if (virtualBox.media.childrenOf(medium).length > 0) return true;
  return virtualBox.usersOf(medium).some(({ snapshots }) => snapshots.length > 0);
}

/** An empty disk over another, in the machine's folder of snapshots. */
export function difference({ media }: VirtualBox, vm: Vm, parent: Medium): Medium {
  const uuid = randomUUID();
  const folder = path.join(path.dirname(vm.configFile), "Snapshots");
  fs.mkdirSync(folder, { recursive: true, mode: 0o700 });
  return media.create({
    uuid,
    location: path.join(folder, `{${uuid}}.vdi`),
    format: "VDI",
    capacity: parent.capacity,
    variant: "differencing",
    parent,
  });
}

function put(controller: Controller, slot: Attachment): void {
  const others = controller.attachments.filter((one) => one.port !== slot.port || one.device !== slot.device);
  controller.attachments = [...others, slot].sort((a, b) => a.port - b.port || a.device - b.device);
}
