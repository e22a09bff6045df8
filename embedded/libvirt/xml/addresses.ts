import { all, element, elements, first, type XmlElement } from "./tree";

/**
 * Guest bus addresses as libvirt assigns them on q35 (one root port for each PCI Express device, one spare) and on
 * i440fx (slots of the one bus). Addresses that are there already are kept.
 */
export function assignAddresses(devices: XmlElement, q35: boolean): void {
  assignDrives(devices);
  for (const channel of all(devices, "channel")) {
    if (first(channel, "target")?.attributes.type !== "virtio" || first(channel, "address")) continue;
    channel.children.push(
      element("address", { type: "virtio-serial", controller: "0", bus: "0", port: nextPort(devices) }),
    );
  }
  if (q35) assignPcie(devices);
  else assignPci(devices);
}

/** In the order in which libvirt 9.0 hands them out. */
function pciDevices(devices: XmlElement): XmlElement[] {
  const virtio = (device: XmlElement): boolean => device.attributes.model?.startsWith("virtio") ?? false;
  const of = (name: string): XmlElement[] => all(devices, name);
  return [
    ...of("interface"),
    ...of("controller").filter((one) => ["usb", "scsi", "virtio-serial"].includes(one.attributes.type ?? "")),
    ...of("disk").filter((disk) => first(disk, "target")?.attributes.bus === "virtio"),
    ...of("memballoon").filter(virtio),
    ...of("rng").filter(virtio),
  ];
}

const hex = (value: number): string => `0x${value.toString(16).padStart(2, "0")}`;
const pciAddress = (bus: number, slot: number, fn = 0, multifunction?: boolean): XmlElement =>
  element("address", {
    type: "pci",
    domain: "0x0000",
    bus: hex(bus),
    slot: hex(slot),
    function: `0x${fn}`,
    multifunction: multifunction ? "on" : undefined,
  });
const pciOf = (device: XmlElement): XmlElement | undefined =>
  all(device, "address").find((address) => address.attributes.type === "pci");

function assignPcie(devices: XmlElement): void {
  const wanting = pciDevices(devices);
  const used = new Set(
    wanting.flatMap((device) => (pciOf(device) ? [Number(pciOf(device)?.attributes.bus)] : [])),
  );
  let bus = 1;
  for (const device of wanting) {
    if (pciOf(device)) continue;
    while (used.has(bus)) bus++;
    used.add(bus);
    device.children.push(pciAddress(bus, 0));
  }
  for (const sata of all(devices, "controller").filter((one) => one.attributes.type === "sata")) {
    if (!pciOf(sata)) sata.children.push(pciAddress(0, 0x1f, 2));
  }
  for (const video of all(devices, "video")) if (!pciOf(video)) video.children.push(pciAddress(0, 1));
  const ports = all(devices, "controller").filter((one) => one.attributes.model === "pcie-root-port");
  const have = new Set(ports.map((port) => Number(port.attributes.index)));
  for (let index = 1; index <= Math.max(0, ...used) + (ports.length ? 0 : 1); index++) {
    if (!have.has(index)) insertAfterControllers(devices, rootPort(index, all(devices, "video").length > 0));
  }
}

/** Root ports fill slot 1 (slot 2 where video has it) with eight functions each. */
function rootPort(index: number, video: boolean): XmlElement {
  const at = index - 1;
  const slot = (video ? 2 : 1) + Math.floor(at / 8);
  return element("controller", { type: "pci", index: String(index), model: "pcie-root-port" }, [
    element("model", { name: "pcie-root-port" }),
    element("target", { chassis: String(index), port: `0x${(slot * 8 + (at % 8)).toString(16)}` }),
    pciAddress(0, slot, at % 8, at % 8 === 0),
  ]);
}

function insertAfterControllers(devices: XmlElement, controller: XmlElement): void {
  const last = devices.children.findLastIndex(
    (node) => typeof node !== "string" && node.name === "controller",
  );
  devices.children.splice(last + 1, 0, controller);
}

function assignPci(devices: XmlElement): void {
  const used = new Set<number>(
    elements(devices).flatMap((device) => {
      const address = pciOf(device);
      return address ? [Number(address.attributes.slot)] : [];
    }),
  );
  for (const video of all(devices, "video")) if (!pciOf(video)) video.children.push(pciAddress(0, 2));
  let slot = 3;
  for (const device of pciDevices(devices)) {
    if (pciOf(device)) continue;
    if (device.attributes.type === "usb" && device.name === "controller") {
      device.children.push(pciAddress(0, 1, 2));
      continue;
    }
    while (used.has(slot)) slot++;
    used.add(slot);
    device.children.push(pciAddress(0, slot));
  }
}

function assignDrives(devices: XmlElement): void {
  const taken = new Set<string>();
  const disks = all(devices, "disk").filter((disk) =>
    ["sata", "scsi", "ide"].includes(first(disk, "target")?.attributes.bus ?? ""),
  );
  const key = (bus: string, unit: number): string => `${bus} ${unit}`;
  for (const disk of disks) {
    const address = first(disk, "address");
    if (address) taken.add(key(first(disk, "target")?.attributes.bus ?? "", Number(address.attributes.unit)));
  }
  for (const disk of disks) {
    if (first(disk, "address")) continue;
    const target = first(disk, "target");
    const bus = target?.attributes.bus ?? "";
    // The letter of the device name says the unit: sda is 0.
    let unit = Math.max(0, (target?.attributes.dev?.charCodeAt(2) ?? 97) - 97);
    while (taken.has(key(bus, unit))) unit++;
    taken.add(key(bus, unit));
    disk.children.push(
      element("address", { type: "drive", controller: "0", bus: "0", target: "0", unit: String(unit) }),
    );
  }
}

function nextPort(devices: XmlElement): string {
  const ports = all(devices, "channel").map((one) => Number(first(one, "address")?.attributes.port ?? 0));
  return String(Math.max(0, ...ports) + 1);
}
