import type { DomainInputs, DomainNic } from "../domain";
import { all, attribute, find, textOf, type XmlElement } from "./element";
import { type FoundMark, readMark } from "./mark";

/** A disk as its domain has it. */
export interface DiskFact {
  target: string;
  bus: string;
  device: string;
  /** Driver format: an ISO image is `raw` here. */
  format: string;
  pool: string | undefined;
  volume: string | undefined;
}

/** What a domain definition says, in the words of our inputs. */
export interface DomainFacts {
  /** `kvm` or `qemu` */
  type: string;
  cpus: number;
  memoryMiB: number;
  firmware: DomainInputs["firmware"];
  boot: DomainInputs["boot"];
  kernel: DomainInputs["kernel"];
  /** By group (`vd…`, `sd…`) and then in the guest's order. */
  disks: DiskFact[];
  nics: DomainNic[];
  /** on_poweroff, on_reboot and on_crash. */
  powerActions: string;
  mark: FoundMark | undefined;
}

export function readDomain(root: XmlElement): DomainFacts {
  const os = find(root, "os");
  const devices = find(root, "devices");
  const loader = find(os, "loader");
  return {
    type: attribute(root, "type") ?? "",
    cpus: Number(attribute(find(root, "vcpu"), "current") ?? textOf(find(root, "vcpu")) ?? 1),
    memoryMiB: memoryOf(root),
    firmware: attribute(os, "firmware") === "efi" || attribute(loader, "type") === "pflash" ? "uefi" : "bios",
    boot: bootOf(os),
    kernel: kernelOf(os),
    disks: all(devices, "disk")
      .map(readDisk)
      .sort((a, b) => order(a.target) - order(b.target)),
    nics: all(devices, "interface").map(readNic),
    powerActions: ["on_poweroff", "on_reboot", "on_crash"]
      .map((name, index) => textOf(find(root, name)) ?? POWER_DEFAULTS[index])
      .join(" "),
    mark: readMark(root),
  };
}

/** libvirt's defaults, where a template leaves them out. */
const POWER_DEFAULTS = ["destroy", "restart", "destroy"];

/** Bytes in libvirt's units of memory (formatdomain, "memory"). */
const UNITS: Record<string, number> = {
  b: 1,
  bytes: 1,
  KB: 1e3,
  k: 1024,
  KiB: 1024,
  MB: 1e6,
  M: 1024 ** 2,
  MiB: 1024 ** 2,
  GB: 1e9,
  G: 1024 ** 3,
  GiB: 1024 ** 3,
  T: 1024 ** 4,
  TiB: 1024 ** 4,
};

function mib(node: XmlElement | undefined): number | undefined {
  const value = textOf(node);
  if (value === undefined) return undefined;
  return (Number(value) * (UNITS[attribute(node, "unit") ?? "KiB"] ?? 1024)) / 1024 ** 2;
}

/** What the guest has: `virsh setmem` lowers the current memory below the maximum. */
function memoryOf(root: XmlElement): number {
  const most = mib(find(root, "memory")) ?? 0;
  return Math.min(most, mib(find(root, "currentMemory")) ?? most);
}

const bootOf = (os: XmlElement | undefined): DomainInputs["boot"] =>
  all(os, "boot").map((boot) => attribute(boot, "dev") as DomainInputs["boot"][number]);

function kernelOf(os: XmlElement | undefined): DomainInputs["kernel"] {
  const kernel = textOf(find(os, "kernel"));
  if (kernel === undefined) return undefined;
  const initrd = textOf(find(os, "initrd"));
  const cmdline = textOf(find(os, "cmdline"));
  return {
    kernel,
    ...(initrd === undefined ? {} : { initrd }),
    ...(cmdline === undefined ? {} : { cmdline }),
  };
}

export function readDisk(disk: XmlElement): DiskFact {
  const source = find(disk, "source");
  const target = find(disk, "target");
  return {
    target: attribute(target, "dev") ?? "",
    bus: attribute(target, "bus") ?? "",
    device: attribute(disk, "device") ?? "disk",
    format: attribute(find(disk, "driver"), "type") ?? "raw",
    pool: attribute(source, "pool"),
    volume: attribute(source, "volume"),
  };
}

/** `vda` before `vdb` before `vdaa`; the groups `sd` and `vd` one after the other. */
const order = (target: string): number =>
  [...target.slice(2)].reduce((sum, char) => sum * 27 + char.charCodeAt(0) - 96, 0) +
  (target.charCodeAt(0) - 97) * 1e6;

export function readNic(nic: XmlElement): DomainNic {
  const source = find(nic, "source");
  const [network, bridge] = [attribute(source, "network"), attribute(source, "bridge")];
  const model = attribute(find(nic, "model"), "type") as DomainNic["model"];
  return {
    mac: (attribute(find(nic, "mac"), "address") ?? "").toLowerCase(),
    // A running card on a network of mode `bridge` shows both: the network is what was asked for.
    ...(network === undefined ? {} : { network }),
    ...(network === undefined && bridge !== undefined ? { bridge } : {}),
    ...(model === undefined ? {} : { model }),
  };
}

/** Name in our mark of a disk or card. */
export const deviceKey = (device: XmlElement): string | undefined => {
  if (device.name === "disk") return readDisk(device).target;
  return device.name === "interface" ? readNic(device).mac : undefined;
};
