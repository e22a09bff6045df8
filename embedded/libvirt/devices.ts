import { CODE, FROM, refuse } from "./errors";
import { assignAddresses } from "./xml/addresses";
import { normaliseDevice, stripLive } from "./xml/device";
import { checkTargets, isQ35 } from "./xml/domain";
import { enliven, type LiveContext } from "./xml/live";
import { ORDER, sortChildren } from "./xml/order";
import { all, copy, element, first, parseXml, replaceChild, type XmlElement } from "./xml/tree";

/** Changes of one definition's devices, in place, with libvirt's refusals. `live` is given for a running one. */
export interface DeviceChange {
  root: XmlElement;
  newMac(): string;
  live?: LiveContext;
}

export const parseDevice = (xml: string): XmlElement => parseXml(xml, "device_definition", FROM.domain);

const devicesOf = (root: XmlElement): XmlElement => first(root, "devices") ?? element("devices");
const targetOf = (disk: XmlElement): string => first(disk, "target")?.attributes.dev ?? "";
const macOf = (nic: XmlElement): string => first(nic, "mac")?.attributes.address?.toLowerCase() ?? "";

export function attachDevice(change: DeviceChange, given: XmlElement): XmlElement {
  const devices = devicesOf(change.root);
  const q35 = isQ35(change.root);
  const device = normaliseDevice(stripLive(copy(given)), { q35, newMac: change.newMac });
  if (device.name === "disk" && all(devices, "disk").some((disk) => targetOf(disk) === targetOf(device))) {
    throw refuse(CODE.operationInvalid, FROM.qemu, `target ${targetOf(device)} already exists`);
  }
  devices.children.push(device);
  checkTargets(devices);
  assignAddresses(devices, q35);
  if (change.live) enliven(device, devices, change.live);
  sortChildren(devices, ORDER.devices);
  return device;
}

export function detachDevice(change: DeviceChange, given: XmlElement): XmlElement {
  const devices = devicesOf(change.root);
  const device = findDevice(devices, given);
  devices.children = devices.children.filter((node) => node !== device);
  return device;
}

/** The device that `given` means: a disk by target, a NIC by MAC, anything else by all that is said of it. */
function findDevice(devices: XmlElement, given: XmlElement): XmlElement {
  if (given.name === "disk") {
    const disk = all(devices, "disk").find((one) => targetOf(one) === targetOf(given));
    if (!disk) throw refuse(CODE.deviceMissing, FROM.qemu, `no target device ${targetOf(given)}`);
    return disk;
  }
  if (given.name === "interface") return findNic(devices, given);
  const same = all(devices, given.name).find((one) => covers(one, given));
  if (!same) throw refuse(CODE.deviceMissing, FROM.qemu, `matching ${given.name} device not found`);
  return same;
}

function findNic(devices: XmlElement, given: XmlElement): XmlElement {
  const mac = macOf(given);
  const alias = first(given, "alias")?.attributes.name;
  const found = all(devices, "interface").filter(
    (nic) =>
      (mac === "" || macOf(nic) === mac) &&
      (alias === undefined || first(nic, "alias")?.attributes.name === alias),
  );
  const [nic] = found;
  if (!nic) {
    const detail = `no device found at address '(<null>)' matching MAC address '${mac}' and alias '${alias ?? "(<null>)"}'`;
    throw refuse(CODE.deviceMissing, FROM.domain, detail);
  }
  if (found.length > 1) {
    throw refuse(CODE.operationFailed, FROM.domain, `multiple devices matching MAC address ${mac} found`);
  }
  return nic;
}

/** Everything that `part` says is so in `whole`. */
function covers(whole: XmlElement, part: XmlElement): boolean {
  return (
    Object.entries(part.attributes).every(([name, value]) => whole.attributes[name] === value) &&
    part.children.every((child) =>
      typeof child === "string"
        ? whole.children.includes(child)
        : all(whole, child.name).some((one) => covers(one, child)),
    )
  );
}

export function updateDevice(change: DeviceChange, given: XmlElement): XmlElement {
  const devices = devicesOf(change.root);
  if (given.name === "disk") return updateDisk(change, devices, given);
  if (given.name === "interface") return updateNic(change, devices, given);
  const detail = `device type '${given.name}' cannot be updated`;
  throw refuse(CODE.operationUnsupported, FROM.qemu, detail);
}

function updateDisk(change: DeviceChange, devices: XmlElement, given: XmlElement): XmlElement {
  const old = all(devices, "disk").find((disk) => targetOf(disk) === targetOf(given));
  if (!old) throw refuse(CODE.invalidArgument, FROM.qemu, `target ${targetOf(given)} doesn't exist.`);
  const context = { q35: isQ35(change.root), newMac: change.newMac };
  const next = normaliseDevice(stripLive(copy(given)), context);
  const removable = ["cdrom", "floppy"].includes(old.attributes.device ?? "");
  const bus = (disk: XmlElement): string | undefined => first(disk, "target")?.attributes.bus;
  if (change.live) {
    if (bus(next) !== bus(old)) {
      throw refuse(CODE.operationUnsupported, FROM.qemu, "cannot modify field 'bus' of the disk");
    }
    const moved =
      JSON.stringify(first(next, "source")) !== JSON.stringify(first(stripLive(copy(old)), "source"));
    if (moved && !removable) {
      const detail = "disk source can't be changed unless it is a removable device";
      throw refuse(CODE.operationUnsupported, FROM.qemu, detail);
    }
  }
  return exchange(change, devices, old, next);
}

function updateNic(change: DeviceChange, devices: XmlElement, given: XmlElement): XmlElement {
  const old = findNic(devices, given);
  const context = { q35: isQ35(change.root), newMac: change.newMac };
  const next = normaliseDevice(stripLive(copy(given)), context);
  const model = (nic: XmlElement): string | undefined => first(nic, "model")?.attributes.type;
  if (change.live && model(next) !== model(old)) {
    const detail = `cannot modify network device model from ${model(old)} to ${model(next)}`;
    throw refuse(CODE.operationUnsupported, FROM.qemu, detail);
  }
  return exchange(change, devices, old, next);
}

/** In the old one's place, with its bus address and, when running, its alias. */
function exchange(change: DeviceChange, devices: XmlElement, old: XmlElement, next: XmlElement): XmlElement {
  for (const kept of ["address", ...(change.live ? ["alias"] : [])]) {
    const there = first(old, kept);
    if (there && !first(next, kept)) replaceChild(next, copy(there));
  }
  devices.children[devices.children.indexOf(old)] = next;
  if (change.live) enliven(next, devices, change.live);
  sortChildren(next, next.name === "disk" ? ORDER.disk : ORDER.interface);
  return next;
}
