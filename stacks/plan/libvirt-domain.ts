import type { DomainDisk, DomainInputs, DomainNic } from "../../providers/libvirt/domain";
import { isEmbedded } from "../config/place";
import type { KernelConfig, MachineConfig, WaitConfig } from "../config/types";
import { planCloudInit } from "./cloud-init";
import type { PlannedVolume, VolumePlan } from "./libvirt-volumes";
import { canAnswer } from "./machine-fields";
import type { MachineFacts } from "./machines";
import { renamed } from "./renamed";
import { type PlannedResource, resourceKey } from "./types";

const WAIT_S = 600;

export function domainResource(machine: MachineFacts, volumes: VolumePlan): PlannedResource {
  const { logical, config, backend } = machine;
  const needs = new Set<string>();
  for (const { network } of machine.nics)
    if (network) needs.add(resourceKey("libvirt:Network", network.logical));
  const use = (volume: PlannedVolume | undefined): PlannedVolume | undefined => {
    if (volume) needs.add(volume.key);
    return volume;
  };

  const disks = disksOf(machine, volumes, use);
  const kernel = config.kernel && kernelOf(machine, config.kernel, volumes, use);
  const cloudInit = planCloudInit(machine);
  const pool = cloudInit ? volumes.poolFor(machine) : undefined;
  for (const key of pool?.keys ?? []) needs.add(key);

  const inputs: DomainInputs = {
    name: machine.name,
    uuid: machine.uuid,
    backend: config.backend,
    hostName: machine.hostName,
    cpus: config.cpus ?? 1,
    memoryMiB: config.memoryMiB ?? 1024,
    firmware: config.firmware ?? "bios",
    accel: (backend.kind === "libvirt" ? backend.accel : undefined) ?? "auto",
    boot: config.boot ?? bootOf(config),
    disks,
    nics: nicsOf(machine),
    ...(kernel ? { kernel } : {}),
    ...(cloudInit ? { cloudInit } : {}),
    ...(pool ? { seedPool: pool.name } : {}),
    running: config.running ?? true,
    autostart: config.autostart ?? false,
    wait: waitOf(machine, cloudInit?.sshKeys),
    ...(config.hostKey === undefined ? {} : { hostKey: config.hostKey.trim() }),
    ...(config.template === undefined ? {} : { template: config.template }),
    ...(config.adopt === undefined ? {} : { adopt: config.adopt }),
    ...(config.onDestroy === undefined ? {} : { onDestroy: config.onDestroy }),
  };
  return {
    kind: "libvirt:Domain",
    ...renamed(logical, config, machine.seed),
    inputs: { ...inputs },
    dependsOn: [...needs],
    recreateWith: [...needs],
    backend,
  };
}

type Use = (volume: PlannedVolume | undefined) => PlannedVolume | undefined;

function disksOf(machine: MachineFacts, volumes: VolumePlan, use: Use): DomainDisk[] {
  const { config } = machine;
  const disks: DomainDisk[] = [];
  for (const [index, disk] of (config.disks ?? []).entries()) {
    const common = {
      device: "disk" as const,
      bus: disk.bus === "nvme" ? ("sata" as const) : (disk.bus ?? ("virtio" as const)),
    };
    if (disk.volume !== undefined) {
      const format = disk.format ?? (disk.volume.endsWith(".raw") ? "raw" : "qcow2");
      disks.push({ volume: disk.volume, pool: volumes.poolFor(machine).name, format, ...common });
      continue;
    }
    const volume = use(volumes.disk(machine, index));
    if (volume) disks.push({ volume: volume.name, pool: volume.pool, format: volume.format, ...common });
  }
  const iso = config.iso === undefined ? undefined : use(volumes.image(machine, config.iso, "iso"));
  if (iso) disks.push({ volume: iso.name, pool: iso.pool, format: "iso", device: "cdrom", bus: "sata" });
  return disks;
}

/** Names of images become paths on the hypervisor. */
function kernelOf(machine: MachineFacts, config: KernelConfig, volumes: VolumePlan, use: Use): KernelConfig {
  const path = (value: string) =>
    value.startsWith("/") ? value : (use(volumes.image(machine, value, "file"))?.path ?? "");
  return {
    kernel: path(config.kernel),
    ...(config.initrd === undefined ? {} : { initrd: path(config.initrd) }),
    ...(config.cmdline === undefined ? {} : { cmdline: config.cmdline }),
  };
}

const nicsOf = ({ nics }: MachineFacts): DomainNic[] =>
  nics.map(({ mac, network, config, ip }) => ({
    mac,
    ...(network ? { network: network.name } : {}),
    ...(config.bridge === undefined ? {} : { bridge: config.bridge }),
    model: config.model ?? "virtio",
    ...(ip === undefined ? {} : { ip }),
  }));

/** The disk first, so that an installer's ISO boots only while the disk is blank. */
function bootOf({ disks = [], iso }: MachineConfig): DomainInputs["boot"] {
  if (iso === undefined) return ["hd"];
  return disks.length > 0 ? ["hd", "cdrom"] : ["cdrom"];
}

/** ssh where somebody can log in at an address that we know of; else nothing. */
function waitOf({ config, backend, nics }: MachineFacts, sshKeys: readonly string[] = []): WaitConfig {
  const reachable = nics.some(({ network, ip }) => ip !== undefined || network?.dhcp !== undefined);
  const answers = canAnswer(config) || isEmbedded(backend);
  const wanted: WaitConfig = config.wait ?? {
    for: config.running !== false && sshKeys.length > 0 && reachable && answers ? "ssh" : "none",
  };
  if (wanted.for === "none") return { for: "none" };
  return {
    for: wanted.for,
    timeoutS: wanted.timeoutS ?? WAIT_S,
    ...(wanted.for === "ssh" ? { port: wanted.port ?? 22 } : {}),
    ...(wanted.for === "ssh" && wanted.user !== undefined ? { user: wanted.user } : {}),
  };
}
