import type { DomainDisk, DomainInputs, DomainNic } from "../../providers/libvirt/domain";
import type { KernelConfig } from "../config/types";
import { bootRecordOf } from "./boot-record";
import { planCloudInit } from "./cloud-init";
import type { PlannedVolume, VolumePlan } from "./libvirt-volumes";
import type { MachineFacts } from "./machines";
import { renamed } from "./renamed";
import { type PlannedResource, resourceKey } from "./types";
import { bootOrder, waitOf } from "./waits";

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
  const bootRecord = bootRecordOf(machine);
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
    boot: config.boot ?? bootOrder(config),
    disks,
    nics: nicsOf(machine),
    ...(kernel ? { kernel } : {}),
    ...(cloudInit ? { cloudInit } : {}),
    ...(pool ? { seedPool: pool.name } : {}),
    ...(bootRecord ? { bootRecord } : {}),
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
      // nvme is refused on libvirt.
      bus: disk.bus === undefined || disk.bus === "nvme" ? ("virtio" as const) : disk.bus,
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
