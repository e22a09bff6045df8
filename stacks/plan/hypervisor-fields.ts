import type { ConfigPath, DiskConfig, MachineConfig } from "../config/types";
import type { Context } from "./context";
import { checkNoFogFields } from "./fog-fields";
import type { Hypervisor } from "./hypervisor";
import { own } from "./stable";

type Add = (field: ConfigPath, message: string) => void;
type Rule = { field: keyof MachineConfig; advice: string };

/** What only libvirt has. */
const LIBVIRT_ONLY: Rule[] = [
  { field: "template", advice: "It is a template of libvirt's XML: take it out" },
  {
    field: "kernel",
    advice: "VirtualBox boots no kernel directly: use `boot: [network]`, an `iso` or an image",
  },
];

/** What only VirtualBox has. */
const VIRTUALBOX_ONLY: Rule[] = [
  { field: "snapshots", advice: "Take them out, or put the machine on VirtualBox" },
  { field: "sharedFolders", advice: "Take them out; over SSH, sshfs does the same" },
  { field: "osType", advice: "Take it out" },
];

/** Limits of VirtualBox 7.2 (seen). */
const MAX_CPUS = 64;
const MAX_MEMORY_MIB = 2 * 1024 * 1024;
const MAX_BOOT = 4;

/** Fields of one hypervisor on a machine of the other, and what each can do. */
export function checkHypervisorFields(config: MachineConfig, hypervisor: Hypervisor, add: Add): void {
  const [rules, owner, here] =
    hypervisor === "libvirt"
      ? ([VIRTUALBOX_ONLY, "VirtualBox's", "libvirt"] as const)
      : ([LIBVIRT_ONLY, "libvirt's", "VirtualBox"] as const);
  checkNoFogFields(config, here, add);
  for (const { field, advice } of rules)
    if (config[field] !== undefined && !isEmpty(config[field]))
      add([field], `${field} is ${owner}, and this machine is on ${here}. ${advice}.`);
  for (const [index, disk] of (config.disks ?? []).entries())
    if (hypervisor === "libvirt") checkLibvirtDisk(disk, ["disks", index], add);
    else checkVirtualBoxDisk(config, disk, index, add);
  if (hypervisor === "virtualbox") checkVirtualBoxMachine(config, add);
}

const isEmpty = (value: unknown): boolean => Array.isArray(value) && value.length === 0;

function checkLibvirtDisk(disk: DiskConfig, path: ConfigPath, add: Add): void {
  if (disk.bus === "nvme")
    add(
      [...path, "bus"],
      `bus nvme is for VirtualBox, and this machine is on libvirt. Use virtio, the fastest there, or leave \`bus\` out.`,
    );
}

function checkVirtualBoxDisk(machine: MachineConfig, disk: DiskConfig, index: number, add: Add): void {
  const path = ["disks", index];
  if (disk.volume !== undefined)
    add(
      [...path, "volume"],
      `volume "${disk.volume}" is of a libvirt pool, and this machine is on VirtualBox. Give the disk a size and an image instead.`,
    );
  if (disk.format !== undefined)
    add([...path, "format"], `VirtualBox's disks are VDI, whatever they are made from. Take \`format\` out.`);
  const bootsFromDisk = machine.boot === undefined || machine.boot.includes("hd");
  if (disk.bus === "nvme" && index === 0 && bootsFromDisk && machine.firmware !== "uefi")
    add(
      [...path, "bus"],
      `VirtualBox's BIOS boots from no NVMe disk. Add \`firmware: uefi\`, or use sata for the first disk.`,
    );
}

function checkVirtualBoxMachine(config: MachineConfig, add: Add): void {
  const { cpus, memoryMiB, autostart, boot = [] } = config;
  if (cpus !== undefined && cpus > MAX_CPUS)
    add(["cpus"], `VirtualBox has at most ${MAX_CPUS} virtual CPUs for a machine. Use ${MAX_CPUS} or fewer.`);
  if (memoryMiB !== undefined && memoryMiB > MAX_MEMORY_MIB)
    add(["memoryMiB"], `VirtualBox has at most 2 TiB of memory for a machine. Use less.`);
  if (autostart === true)
    add(
      ["autostart"],
      `VirtualBox starts no machine with its host, unless a service of the host's own does. Take \`autostart\` out.`,
    );
  if (boot.length > MAX_BOOT)
    add(["boot"], `VirtualBox tries ${MAX_BOOT} devices at boot. Leave ${boot.length - MAX_BOOT} out.`);
  checkNames(config.snapshots ?? [], "snapshots", add);
  checkNames(config.sharedFolders ?? [], "sharedFolders", add);
  for (const [index, { path }] of (config.sharedFolders ?? []).entries())
    if (!/^(\/|[A-Za-z]:[\\/])/.test(path))
      add(["sharedFolders", index, "path"], `"${path}" is no absolute path at the host. Write all of it.`);
}

/** VirtualBox takes two snapshots of one name, and then nobody knows which is meant. */
function checkNames(things: readonly { name: string }[], field: string, add: Add): void {
  const seen = new Set<string>();
  for (const [index, { name }] of things.entries()) {
    if (seen.has(name.toLowerCase()))
      add([field, index, "name"], `"${name}" is in ${field} already. Give each its own name.`);
    seen.add(name.toLowerCase());
  }
}

/** Where VirtualBox's own settings of a backend make no sense. */
export function checkVirtualBoxBackend({ config, problems }: Context, name: string): void {
  const backend = own(config.backends, name);
  if (backend?.kind !== "virtualbox") return;
  const isRemote = backend.host?.startsWith("ssh:") ?? false;
  for (const field of ["hostKey", "identityFile"] as const)
    if (backend[field] !== undefined && !isRemote)
      problems.add(
        ["backends", name, field],
        `${field} is for a host over SSH, and this VirtualBox is ${backend.host === undefined ? "on this machine" : "the embedded one"}. Take it out, or add \`host: ssh://user@host\`.`,
      );
  if (backend.host === "embedded:")
    for (const field of ["vboxManage", "folder"] as const)
      if (backend[field] !== undefined)
        problems.add(
          ["backends", name, field],
          `the embedded VirtualBox brings its own ${field}. Take it out.`,
        );
}
