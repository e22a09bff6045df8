import { CODE, FROM, refuse } from "../errors";
import { assignAddresses } from "./addresses";
import { normaliseDevice } from "./device";
import { ORDER, sortChildren } from "./order";
import {
  all,
  copy,
  element,
  elements,
  first,
  parseXml,
  removeChildren,
  replaceChild,
  text,
  textOf,
  type XmlElement,
} from "./tree";
import { kibOf } from "./units";

/** Where values come from that libvirt makes up. */
export interface Invent {
  uuid(): string;
  mac(): string;
}

const VIRT_TYPES = ["qemu", "kvm", "test"];
const OTHER_TYPES = ["xen", "lxc", "uml", "openvz", "vmware", "hyperv", "vbox", "bhyve", "vz"];
const MACHINES: Record<string, string> = { q35: "pc-q35-7.2", pc: "pc-i440fx-7.2" };

export const parseDomain = (source: string): XmlElement => {
  const root = parseXml(source, "domain_definition", FROM.domain);
  if (root.name !== "domain") {
    throw refuse(CODE.xml, FROM.xml, `expecting root element of 'domain', not '${root.name}'`);
  }
  return root;
};

/** The persistent definition as libvirt keeps it: checked, with defaults, addresses and the order it prints. */
export function normaliseDomain(given: XmlElement, invent: Invent): XmlElement {
  const root = copy(given);
  delete root.attributes.id;
  checkDomain(root);
  replaceChild(root, element("uuid", {}, [uuidOf(root) ?? invent.uuid()]));
  normaliseMemory(root);
  normaliseVcpu(root);
  normaliseOs(root);
  normaliseCpu(root);
  const defaults = { on_poweroff: "destroy", on_reboot: "restart", on_crash: "destroy" };
  for (const [name, action] of Object.entries(defaults)) {
    if (!first(root, name)) root.children.push(element(name, {}, [action]));
  }
  if (!first(root, "clock")) root.children.push(element("clock", { offset: "utc" }));
  // libvirt drops elements that it does not know, unless they have a name space.
  root.children = elements(root).filter(
    (child) => (ORDER.domain as readonly string[]).includes(child.name) || child.name.includes(":"),
  );
  removeChildren(root, "seclabel", "resource");
  normaliseDevices(root, invent);
  sortChildren(root, ORDER.domain);
  return root;
}

function checkDomain(root: XmlElement): void {
  const type = root.attributes.type;
  if (!type) throw refuse(CODE.internal, FROM.domain, "missing domain type attribute");
  if (OTHER_TYPES.includes(type)) {
    const emulator = "/usr/bin/qemu-system-x86_64";
    throw refuse(
      CODE.configUnsupported,
      FROM.qemu,
      `Emulator '${emulator}' does not support virt type '${type}'`,
    );
  }
  if (!VIRT_TYPES.includes(type)) {
    throw refuse(CODE.configUnsupported, FROM.domain, `invalid domain type ${type}`);
  }
  const name = textOf(root, "name");
  if (!name) throw refuse(CODE.noName, FROM.domain, "missing name information");
  if (name.includes("/")) throw refuse(CODE.xml, FROM.domain, `name ${name} cannot contain '/'`);
  if (!textOf(first(root, "os"), "type"))
    throw refuse(CODE.xml, FROM.domain, "an os <type> must be specified");
  if (first(root, "os")?.attributes.firmware === "efi" && !first(first(root, "features"), "acpi")) {
    throw refuse(CODE.configUnsupported, FROM.qemu, "UEFI requires ACPI on this architecture");
  }
  uuidOf(root);
}

/** The `<uuid>` in lower case with dashes; libvirt takes it without dashes as well. */
export function uuidOf(root: XmlElement): string | undefined {
  const given = textOf(root, "uuid");
  if (given === undefined) return undefined;
  const digits = given.replace(/-/g, "").toLowerCase();
  if (!/^[0-9a-f]{32}$/.test(digits)) {
    throw refuse(CODE.internal, FROM.domain, `malformed uuid element '${given}'`);
  }
  return digits.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, "$1-$2-$3-$4-$5");
}

function normaliseMemory(root: XmlElement): void {
  const memory = first(root, "memory");
  if (!memory) {
    throw refuse(
      CODE.xml,
      FROM.domain,
      "Memory size must be specified via <memory> or in the <numa> configuration",
    );
  }
  const maximum = kibOf(memory);
  const current = first(root, "currentMemory");
  setMemory(root, maximum, Math.min(current ? kibOf(current) : maximum, maximum));
}

export function setMemory(root: XmlElement, maximumKiB: number, currentKiB: number): void {
  replaceChild(root, element("memory", { unit: "KiB" }, [String(maximumKiB)]));
  replaceChild(root, element("currentMemory", { unit: "KiB" }, [String(currentKiB)]));
}

export const memoryOf = (root: XmlElement): { maximumKiB: number; currentKiB: number } => {
  const maximumKiB = Number(textOf(root, "memory") ?? 0);
  return { maximumKiB, currentKiB: Number(textOf(root, "currentMemory") ?? maximumKiB) };
};

function normaliseVcpu(root: XmlElement): void {
  const vcpu = first(root, "vcpu");
  const maximum = Number(vcpu ? text(vcpu) || "1" : "1");
  if (!Number.isInteger(maximum) || maximum < 1) {
    throw refuse(CODE.xml, FROM.domain, "invalid maximum number of vCPUs");
  }
  const current = Number(vcpu?.attributes.current ?? maximum);
  if (current > maximum) {
    throw refuse(
      CODE.internal,
      FROM.domain,
      `maxvcpus must not be less than current vcpus (${maximum} < ${current})`,
    );
  }
  setVcpus(root, maximum, current);
}

export function setVcpus(root: XmlElement, maximum: number, current: number): void {
  const attributes = {
    ...first(root, "vcpu")?.attributes,
    placement: "static",
    current: current < maximum ? String(current) : undefined,
  };
  replaceChild(root, element("vcpu", attributes, [String(maximum)]));
}

export const vcpusOf = (root: XmlElement): { maximum: number; current: number } => {
  const maximum = Number(textOf(root, "vcpu") ?? 1);
  return { maximum, current: Number(first(root, "vcpu")?.attributes.current ?? maximum) };
};

export const isQ35 = (root: XmlElement): boolean =>
  first(first(root, "os"), "type")?.attributes.machine?.includes("q35") ?? false;

function normaliseOs(root: XmlElement): void {
  const os = first(root, "os");
  const type = first(os, "type");
  if (!os || !type) return;
  const machine = type.attributes.machine ?? "pc";
  type.attributes = { arch: type.attributes.arch ?? "x86_64", machine: MACHINES[machine] ?? machine };
  const devices = elements(first(root, "devices") ?? element("devices"));
  const perDevice = devices.some((device) => first(device, "boot"));
  if (!first(os, "boot") && !first(os, "kernel") && !perDevice)
    os.children.push(element("boot", { dev: "hd" }));
  sortChildren(os, ["type", "loader", "nvram", "kernel", "initrd", "cmdline", "boot", "bootmenu"]);
}

function normaliseCpu(root: XmlElement): void {
  const cpu = first(root, "cpu");
  if (!cpu) {
    const model = element("model", { fallback: "forbid" }, ["qemu64"]);
    root.children.push(element("cpu", { mode: "custom", match: "exact", check: "none" }, [model]));
    return;
  }
  if (!cpu.attributes.mode) return;
  const extra = cpu.attributes.mode === "host-passthrough" ? { migratable: "on" } : {};
  const check =
    cpu.attributes.mode === "maximum" || cpu.attributes.mode === "host-passthrough" ? "none" : "partial";
  cpu.attributes = { ...cpu.attributes, check: cpu.attributes.check ?? check, ...extra };
}

function normaliseDevices(root: XmlElement, invent: Invent): void {
  const given = first(root, "devices") ?? element("devices");
  const q35 = isQ35(root);
  const context = { q35, newMac: invent.mac };
  const devices = element("devices");
  for (const device of elements(given)) {
    // An element that libvirt does not know inside <devices> is dropped, not refused.
    if (!(ORDER.devices as readonly string[]).includes(device.name)) continue;
    devices.children.push(device.name === "emulator" ? device : normaliseDevice(device, context));
  }
  checkTargets(devices);
  addDefaultDevices(devices, q35);
  assignAddresses(devices, q35);
  sortChildren(devices, ORDER.devices);
  replaceChild(root, devices);
}

/** Two disks with one target are refused. */
export function checkTargets(devices: XmlElement): void {
  const seen = new Map<string, string>();
  for (const disk of all(devices, "disk")) {
    const target = first(disk, "target")?.attributes.dev ?? "";
    const source = Object.values(first(disk, "source")?.attributes ?? {})[0] ?? "(null)";
    const other = seen.get(target);
    if (other !== undefined) {
      throw refuse(
        CODE.xml,
        FROM.domain,
        `target '${target}' duplicated for disk sources '${other}' and '${source}'`,
      );
    }
    seen.set(target, source);
  }
}

function addDefaultDevices(devices: XmlElement, q35: boolean): void {
  const add = (device: XmlElement): number => devices.children.push(device);
  const controllers = all(devices, "controller");
  const lacks = (type: string): boolean => !controllers.some((one) => one.attributes.type === type);
  const uses = (bus: string): boolean =>
    all(devices, "disk").some((disk) => first(disk, "target")?.attributes.bus === bus);
  const controller = (type: string, model?: string): number =>
    add(element("controller", { type, index: "0", model }));

  if (!first(devices, "emulator")) add(element("emulator", {}, ["/usr/bin/qemu-system-x86_64"]));
  if (lacks("usb")) controller("usb", q35 ? "qemu-xhci" : "piix3-uhci");
  if (lacks("sata") && (q35 || uses("sata"))) controller("sata");
  if (lacks("pci")) controller("pci", q35 ? "pcie-root" : "pci-root");
  if (lacks("ide") && uses("ide")) controller("ide");
  if (lacks("scsi") && uses("scsi")) controller("scsi", "lsilogic");
  const virtioSerial = all(devices, "channel").some(
    (one) => first(one, "target")?.attributes.type === "virtio",
  );
  if (lacks("virtio-serial") && virtioSerial) controller("virtio-serial");

  const pair = (name: "serial" | "console"): void => {
    const other = first(devices, name === "serial" ? "console" : "serial");
    if (!other || first(devices, name)) return;
    const context = { q35, newMac: () => "" };
    const source = all(other, "source").map(copy);
    add(normaliseDevice(element(name, { type: other.attributes.type }, source), context));
  };
  pair("serial");
  pair("console");
  for (const type of ["mouse", "keyboard"]) {
    const there = all(devices, "input").some(
      (one) => one.attributes.type === type && one.attributes.bus === "ps2",
    );
    if (!there) add(element("input", { type, bus: "ps2" }));
  }
  if (!first(devices, "audio")) add(element("audio", { id: "1", type: "none" }));
  if (first(devices, "graphics") && !first(devices, "video")) {
    add(
      element("video", {}, [element("model", { type: "cirrus", vram: "16384", heads: "1", primary: "yes" })]),
    );
  }
  if (!first(devices, "memballoon")) add(element("memballoon", { model: "virtio" }));
}
