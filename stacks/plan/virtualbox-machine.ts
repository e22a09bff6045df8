import type { MachineDisk, MachineInputs, MachineNic } from "../../providers/virtualbox/machine";
import type { SnapshotInputs } from "../../providers/virtualbox/snapshot";
import { bootRecordOf } from "./boot-record";
import { planCloudInit } from "./cloud-init";
import { cardForwards } from "./forwards";
import type { MachineFacts } from "./machines";
import type { NicFacts } from "./nics";
import { renamed } from "./renamed";
import { type PlannedResource, resourceKey } from "./types";
import type { MediumPlan, PlannedMedium } from "./virtualbox-media";
import { bootOrder, waitOf } from "./waits";

const OS_TYPE = "Linux_64";

export function machineResource(
  machine: MachineFacts,
  media: MediumPlan,
  networkKeys: ReadonlySet<string>,
): PlannedResource {
  const { logical, config, backend, ssh } = machine;
  const needs = new Set<string>();
  for (const { network } of machine.nics) {
    const key = network && resourceKey("virtualbox:Network", network.logical);
    if (key !== undefined && networkKeys.has(key)) needs.add(key);
  }
  const disks = disksOf(machine, media, (medium) => {
    for (const key of [medium.key, ...medium.needs]) needs.add(key);
  });
  const cloudInit = planCloudInit(machine);
  const bootRecord = bootRecordOf(machine);
  const inputs: MachineInputs = {
    name: machine.name,
    uuid: machine.uuid,
    backend: config.backend,
    hostName: machine.hostName,
    osType: config.osType ?? OS_TYPE,
    cpus: config.cpus ?? 1,
    memoryMiB: config.memoryMiB ?? 1024,
    firmware: config.firmware ?? "bios",
    boot: config.boot ?? bootOrder(config),
    disks,
    nics: machine.nics.map((nic) => nicOf(machine, nic)),
    sharedFolders: config.sharedFolders ?? [],
    ...(cloudInit ? { cloudInit } : {}),
    ...(bootRecord ? { bootRecord } : {}),
    ...(ssh ? { ssh: { host: ssh.host, port: ssh.port } } : {}),
    running: config.running ?? true,
    wait: waitOf(machine, cloudInit?.sshKeys),
    ...(config.hostKey === undefined ? {} : { hostKey: config.hostKey.trim() }),
    ...(config.adopt === undefined ? {} : { adopt: config.adopt }),
    ...(config.onDestroy === undefined ? {} : { onDestroy: config.onDestroy }),
  };
  return {
    kind: "virtualbox:Machine",
    ...renamed(logical, config, machine.seed),
    inputs: { ...inputs },
    dependsOn: [...needs],
    recreateWith: [...needs],
    backend,
  };
}

function disksOf(
  machine: MachineFacts,
  media: MediumPlan,
  use: (medium: PlannedMedium) => void,
): MachineDisk[] {
  const { config } = machine;
  const disks: MachineDisk[] = [];
  for (const [index, { bus = "sata" }] of (config.disks ?? []).entries()) {
    const medium = media.disk(machine, index);
    if (!medium) continue;
    use(medium);
    disks.push({ medium: medium.name, bus, device: "disk" });
  }
  const iso = config.iso === undefined ? undefined : media.image(machine, config.iso, "iso");
  if (iso) {
    use(iso);
    disks.push({ medium: iso.name, bus: "sata", device: "dvd" });
  }
  return disks;
}

function nicOf(machine: MachineFacts, nic: NicFacts): MachineNic {
  const { mac, config, ip } = nic;
  const { type, attachment } = connectionOf(nic);
  const forwards = type === "nat" ? cardForwards(machine, nic) : [];
  return {
    type,
    ...(attachment === undefined ? {} : { attachment }),
    ...(config.properties === undefined ? {} : { properties: config.properties }),
    mac,
    model: config.model ?? "virtio",
    cable: config.cable ?? true,
    ...(ip === undefined ? {} : { ip }),
    ...(forwards.length > 0 ? { forwards } : {}),
  };
}

/** What a card is on, in VirtualBox's words. */
function connectionOf({ config, network }: NicFacts): Pick<MachineNic, "type" | "attachment"> {
  const on = (type: MachineNic["type"], attachment: string | undefined) => ({
    type,
    ...(attachment === undefined ? {} : { attachment }),
  });
  if (config.type !== undefined) return on(config.type, config.attachment);
  if (config.bridge !== undefined) return on("bridged", config.bridge);
  switch (network?.mode) {
    case "bridge":
      return on("bridged", network.bridge);
    case "hostonly":
      return on("hostonly", network.name);
    case "isolated":
      return on("intnet", network.name);
    default:
      return on("natnetwork", network?.name);
  }
}

/** Each after the one before it, so that the later one holds what the earlier one does. */
export function snapshotResources(machine: MachineFacts): PlannedResource[] {
  const { logical, config, backend } = machine;
  const machineKey = resourceKey("virtualbox:Machine", logical);
  let before = machineKey;
  return (config.snapshots ?? []).map(({ name, description = "", restore = 0 }) => {
    const inputs: SnapshotInputs = {
      name,
      backend: config.backend,
      machine: machine.name,
      machineUuid: machine.uuid,
      description,
      restore,
    };
    const names = renamed(logical, config, machine.seed, (one) => `${one}@${name}`);
    const resource: PlannedResource = {
      kind: "virtualbox:Snapshot",
      ...names,
      inputs: { ...inputs },
      dependsOn: [machineKey, ...(before === machineKey ? [] : [before])],
      recreateWith: [machineKey],
      backend,
    };
    before = resourceKey("virtualbox:Snapshot", names.name);
    return resource;
  });
}
