import { randomUUID } from "node:crypto";
import { ORDER, sortChildren } from "./order";
import { all, copy, element, elements, first, replaceChild, type XmlElement } from "./tree";

/** What the running configuration shows beyond the stored one. */
export interface LiveContext {
  id: number;
  bridgeOf(network: string): string | undefined;
  /** A host device name for a NIC: vnet0, vnet1 … */
  nextTap(): string;
}

/** The running configuration of a stored one, as libvirt shows it: id, aliases, host devices, labels. */
export function makeLive(config: XmlElement, context: LiveContext): XmlElement {
  const live = copy(config);
  live.attributes = { ...live.attributes, id: String(context.id) };
  live.children.push(element("resource", {}, [element("partition", {}, ["/machine"])]));
  live.children.push(
    element("seclabel", { type: "dynamic", model: "dac", relabel: "yes" }, [
      element("label", {}, ["+0:+0"]),
      element("imagelabel", {}, ["+0:+0"]),
    ]),
  );
  const devices = first(live, "devices");
  for (const device of devices ? elements(devices) : []) {
    if (devices && device.name !== "emulator") enliven(device, devices, context);
  }
  sortChildren(live, ORDER.domain);
  return live;
}

/** One device of a running domain, in place. */
export function enliven(device: XmlElement, devices: XmlElement, context: LiveContext): XmlElement {
  if (device.name === "disk") {
    const source = first(device, "source");
    const index = all(devices, "disk").indexOf(device);
    if (source) source.attributes.index = String(index < 0 ? all(devices, "disk").length + 1 : index + 1);
    if (source && !first(device, "backingStore")) device.children.push(element("backingStore"));
  }
  if (device.name === "interface") {
    const source = first(device, "source");
    const network = source?.attributes.network;
    const bridge = network === undefined ? undefined : context.bridgeOf(network);
    if (source && network !== undefined) {
      source.attributes = { network, portid: randomUUID(), ...(bridge === undefined ? {} : { bridge }) };
    }
    replaceChild(device, element("target", { dev: context.nextTap() }));
  }
  if (device.name === "serial" || device.name === "console") {
    if (device.attributes.type === "pty") {
      replaceChild(device, element("source", { path: "/dev/pts/0" }));
      if (device.name === "console") device.attributes.tty = "/dev/pts/0";
      sortChildren(device, ["source", "target", "alias", "address"]);
    }
  }
  // One that takes another's place has its alias already.
  if (!first(device, "alias")) replaceChild(device, element("alias", { name: aliasOf(device, devices) }));
  if (device.name === "disk") sortChildren(device, ORDER.disk);
  else if (device.name === "interface") sortChildren(device, ORDER.interface);
  else moveBeforeAddress(device);
  return device;
}

/** A stable name within the domain: by kind and the first number that is free. */
function aliasOf(device: XmlElement, devices: XmlElement): string {
  const address = first(device, "address")?.attributes;
  const bus = first(device, "target")?.attributes.bus;
  if (device.name === "disk" && address?.type === "drive") {
    const { controller, target, unit } = address;
    return bus === "scsi" ? `scsi${controller}-0-${target}-${unit}` : `${bus}${controller}-0-${unit}`;
  }
  if (device.name === "controller") {
    const { type, index, model } = device.attributes;
    if (type === "pci") return index === "0" && model === "pcie-root" ? "pcie.0" : `pci.${index}`;
    return type === "sata" ? "ide" : type === "usb" ? "usb" : `${type}${index}`;
  }
  const prefix = PREFIX[device.name] ?? device.name;
  const base = device.name === "disk" ? `${bus}-disk` : prefix;
  const taken = new Set(elements(devices).map((other) => first(other, "alias")?.attributes.name));
  if (device.name === "console") return "serial0";
  for (let number = 0; ; number++) if (!taken.has(`${base}${number}`)) return `${base}${number}`;
}

const PREFIX: Record<string, string> = { interface: "net", memballoon: "balloon" };

function moveBeforeAddress(device: XmlElement): void {
  const rank = (child: XmlElement): number => (child.name === "alias" ? 1 : child.name === "address" ? 2 : 0);
  if (device.children.every((child) => typeof child !== "string")) {
    device.children = elements(device).sort((a, b) => rank(a) - rank(b));
  }
}
