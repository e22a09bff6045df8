import { CODE, FROM, refuse } from "../errors";
import { ORDER, sortChildren } from "./order";
import { element, first, removeChildren, replaceChild, type XmlElement } from "./tree";

/** The kinds of device that the server knows; anything else is refused as by libvirt. */
const KINDS = new Set<string>(ORDER.devices);

export interface DeviceContext {
  /** Machine type is q35. */
  q35: boolean;
  /** Of the NICs that have none. */
  newMac(): string;
}

/** Fill in the defaults that libvirt adds to one device, in place. Addresses come later, see `addresses.ts`. */
export function normaliseDevice(device: XmlElement, context: DeviceContext): XmlElement {
  if (!KINDS.has(device.name)) {
    throw refuse(CODE.configUnsupported, FROM.domain, `unknown device type '${device.name}'`);
  }
  if (device.name === "disk") return normaliseDisk(device);
  if (device.name === "interface") return normaliseInterface(device, context);
  if (device.name === "serial") return normaliseSerial(device);
  if (device.name === "console") return normaliseConsole(device);
  if (device.name === "graphics") return normaliseGraphics(device);
  return device;
}

const BUS_OF_PREFIX: Record<string, string> = { vd: "virtio", sd: "scsi", hd: "ide", fd: "fdc", ub: "usb" };

function normaliseDisk(disk: XmlElement): XmlElement {
  const type = disk.attributes.type ?? "file";
  const device = disk.attributes.device ?? "disk";
  const target = first(disk, "target");
  const name = target?.attributes.dev;
  if (!target || !name) {
    throw refuse(CODE.xml, FROM.domain, "Missing 'dev' attribute of the disk target");
  }
  const bus = target.attributes.bus ?? BUS_OF_PREFIX[name.slice(0, 2)] ?? "ide";
  disk.attributes = { ...disk.attributes, type, device };
  target.attributes = { dev: name, bus, ...without(target.attributes, "dev", "bus") };
  const driver = first(disk, "driver");
  replaceChild(
    disk,
    element("driver", { name: "qemu", type: "raw", ...(driver?.attributes ?? {}) }, driver?.children ?? []),
  );
  if (device === "cdrom" && !first(disk, "readonly")) disk.children.push(element("readonly"));
  sortChildren(disk, ORDER.disk);
  return disk;
}

function normaliseInterface(nic: XmlElement, context: DeviceContext): XmlElement {
  const type = nic.attributes.type;
  if (!type) throw refuse(CODE.xml, FROM.domain, "missing interface type");
  const source = first(nic, "source");
  if (type === "network" && !source?.attributes.network) {
    throw refuse(
      CODE.xml,
      FROM.domain,
      "No <source> 'network' attribute specified with <interface type='network'/>",
    );
  }
  if (type === "bridge" && !source?.attributes.bridge) {
    throw refuse(
      CODE.xml,
      FROM.domain,
      "No <source> 'bridge' attribute specified with <interface type='bridge'/>",
    );
  }
  const mac = first(nic, "mac")?.attributes.address?.toLowerCase() ?? context.newMac();
  if (!/^([0-9a-f]{2}:){5}[0-9a-f]{2}$/.test(mac)) {
    throw refuse(CODE.xml, FROM.domain, `unable to parse mac address '${mac}'`);
  }
  replaceChild(nic, element("mac", { address: mac }));
  if (!first(nic, "model")) {
    replaceChild(nic, element("model", { type: context.q35 ? "e1000e" : "rtl8139" }));
  }
  sortChildren(nic, ORDER.interface);
  return nic;
}

function normaliseSerial(serial: XmlElement): XmlElement {
  const port = first(serial, "target")?.attributes.port ?? "0";
  replaceChild(
    serial,
    element("target", { type: "isa-serial", port }, [element("model", { name: "isa-serial" })]),
  );
  return serial;
}

function normaliseConsole(console: XmlElement): XmlElement {
  const target = first(console, "target");
  replaceChild(console, element("target", { type: "serial", port: "0", ...(target?.attributes ?? {}) }));
  return console;
}

function normaliseGraphics(graphics: XmlElement): XmlElement {
  if (graphics.attributes.type !== "vnc" && graphics.attributes.type !== "spice") return graphics;
  const port = graphics.attributes.port ?? "-1";
  const { type, ...rest } = graphics.attributes;
  graphics.attributes = { type, port, autoport: port === "-1" ? "yes" : "no", ...rest };
  if (!first(graphics, "listen")) graphics.children.push(element("listen", { type: "address" }));
  return graphics;
}

const without = (of: Record<string, string>, ...keys: string[]): Record<string, string> =>
  Object.fromEntries(Object.entries(of).filter(([key]) => !keys.includes(key)));

/** What a live device has and a stored one has not. */
export function stripLive(device: XmlElement): XmlElement {
  removeChildren(device, "alias");
  const source = first(device, "source");
  if (source) {
    for (const key of ["index", "portid"]) delete source.attributes[key];
    if (source.attributes.network) delete source.attributes.bridge;
  }
  if (device.name === "disk") removeChildren(device, "backingStore");
  if (device.name === "interface") removeChildren(device, "target");
  return device;
}
