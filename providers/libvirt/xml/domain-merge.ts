import { deviceKey, readDisk } from "./domain-facts";
import {
  all,
  attribute,
  element,
  elementsOf,
  find,
  withChild,
  withoutChildren,
  type XmlElement,
} from "./element";

/** Parts of a definition that are ours as a whole: what we write stands there, and nothing else. */
const OURS = ["memory", "currentMemory", "vcpu", "on_poweroff", "on_reboot", "on_crash"];

/**
 * An existing definition changed into the wanted one. What libvirt or somebody else added stays: addresses on the
 * bus (by which the guest names its cards), the machine type's version, seclabels, descriptions, foreign devices.
 * `ours` are the keys of the devices that we made before: those no longer wanted go. Returns the new ones too.
 */
export function mergeDomain(
  existing: XmlElement,
  wanted: XmlElement,
  ours: ReadonlySet<string>,
): { root: XmlElement; devices: string[] } {
  const sameType = attribute(existing, "type") === attribute(wanted, "type");
  let merged: XmlElement = {
    ...existing,
    attributes: { ...existing.attributes, type: attribute(wanted, "type") ?? "" },
  };
  for (const name of OURS) {
    const part = find(wanted, name);
    if (part) merged = withChild(merged, part);
  }
  const [cpu, os] = [find(wanted, "cpu"), find(wanted, "os")];
  if (!sameType && cpu) merged = withChild(merged, cpu);
  if (os) merged = withChild(merged, mergeOs(find(existing, "os"), os));
  const old = find(existing, "devices") ?? element("devices");
  const placed = placeDisks(old, devicesIn(find(wanted, "devices")), ours);
  const devices = mergeDevices(old, find(wanted, "devices"), placed, ours);
  // Another type of domain may need another emulator: libvirt knows which.
  return {
    root: withChild(merged, sameType ? devices : withoutChildren(devices, "emulator")),
    devices: placed.map((device) => deviceKey(device) ?? "").sort(),
  };
}

const devicesIn = (parent: XmlElement | undefined): XmlElement[] =>
  elementsOf(parent).filter(({ name }) => name === "disk" || name === "interface");

/** The machine type keeps its version: another one is other hardware to the guest. UEFI keeps its variables. */
function mergeOs(existing: XmlElement | undefined, wanted: XmlElement): XmlElement {
  const [old, type] = [find(existing, "type"), find(wanted, "type")];
  const kept = attribute(old, "machine");
  const alias = attribute(type, "machine");
  const sameMachine = kept !== undefined && alias !== undefined && kept.startsWith(`pc-${alias}-`);
  const merged = sameMachine && old ? withChild(wanted, old) : wanted;
  const sameFirmware = attribute(existing, "firmware") === attribute(wanted, "firmware");
  const nvram = sameFirmware ? find(existing, "nvram") : undefined;
  return nvram ? withChild(merged, nvram) : merged;
}

function mergeDevices(
  existing: XmlElement,
  wanted: XmlElement | undefined,
  placed: readonly XmlElement[],
  ours: ReadonlySet<string>,
): XmlElement {
  const keys = new Set(placed.map(deviceKey));
  const before = new Map(devicesIn(existing).map((device) => [deviceKey(device), device]));
  const rest = elementsOf(existing).filter((child) => {
    const key = deviceKey(child);
    return key === undefined || !(keys.has(key) || ours.has(key));
  });
  const devices = placed.map((device) => withAddressOf(device, before.get(deviceKey(device))));
  return { ...existing, children: [...devices, ...rest, ...missingControllers(existing, wanted)] };
}

/** Controllers that a new disk needs and that are not there yet. */
function missingControllers(existing: XmlElement, wanted: XmlElement | undefined): XmlElement[] {
  const types = new Set(all(existing, "controller").map(({ attributes }) => attributes.type));
  return all(wanted, "controller").filter(({ attributes }) => !types.has(attributes.type));
}

/** A disk's place follows from its position in the config; where a foreign disk sits, the next free one is taken. */
function placeDisks(
  existing: XmlElement,
  devices: readonly XmlElement[],
  ours: ReadonlySet<string>,
): XmlElement[] {
  const present = all(existing, "disk").map(readDisk);
  const isWanted = ({ pool, volume }: { pool: string | undefined; volume: string | undefined }) =>
    devices.some((device) => {
      const disk = device.name === "disk" ? readDisk(device) : undefined;
      return disk?.volume !== undefined && disk.volume === volume && disk.pool === pool;
    });
  const used = new Set(
    present.filter((disk) => !ours.has(disk.target) && !isWanted(disk)).map(({ target }) => target),
  );
  const claim = (prefix: string, wish: string): string => {
    let target = wish;
    for (let code = 97; used.has(target); code++) target = prefix + String.fromCharCode(code);
    used.add(target);
    return target;
  };
  return devices.map((device) => {
    if (device.name !== "disk") return device;
    const { target } = readDisk(device);
    const mine = claim(target.slice(0, 2), target);
    return mine === target ? device : withChild(device, retargeted(device, mine));
  });
}

const retargeted = (disk: XmlElement, dev: string): XmlElement => ({
  name: "target",
  attributes: { ...find(disk, "target")?.attributes, dev },
  children: [],
});

/** The same slot in the machine, where the device is still of the same kind. */
function withAddressOf(device: XmlElement, old: XmlElement | undefined): XmlElement {
  const address = find(old, "address");
  const kindOf = (node: XmlElement | undefined) =>
    device.name === "disk" ? attribute(find(node, "target"), "bus") : attribute(find(node, "model"), "type");
  return address && kindOf(old) === kindOf(device) ? withChild(device, address) : device;
}

/** Keys of the disks and cards that we write: kept in the mark. */
export const deviceKeys = (root: XmlElement): string[] =>
  devicesIn(find(root, "devices"))
    .map((device) => deviceKey(device) ?? "")
    .filter((key) => key !== "")
    .sort();
