import { macInPlan } from "../checks";
import type {
  AttachmentFacts,
  BootDevice,
  ControllerFacts,
  NicFacts,
  NicModel,
  NicType,
  StorageBus,
  VmFacts,
  VmPower,
} from "../facts";
import { firstOf, readMachineReadable } from "./machine-readable";
import type { SettingsFile } from "./settings-file";

const POWERS: Record<VmPower, true> = {
  poweroff: true,
  saved: true,
  teleported: true,
  aborted: true,
  "aborted-saved": true,
  running: true,
  paused: true,
  gurumeditation: true,
  starting: true,
  stopping: true,
  saving: true,
  restoring: true,
  snapshotting: true,
  restoringsnapshot: true,
  deletingsnapshot: true,
  settingup: true,
  other: true,
};

/** `nicN` in lower case, and the key with what it is on. */
const NIC_TYPES: Record<Exclude<NicType, "other">, string | undefined> = {
  none: undefined,
  null: undefined,
  nat: undefined,
  bridged: "bridgeadapter",
  intnet: "intnet",
  hostonly: "hostonlyadapter",
  natnetwork: "nat-network",
  generic: "generic",
};

/** As `nictypeN` tells them. */
const NIC_MODELS: Record<string, NicModel> = { virtio: "virtio", "82540EM": "e1000", "82583V": "e1000e" };

/** By `storagecontrollertypeN`. */
const BUSES: Record<string, StorageBus> = {
  IntelAhci: "sata",
  NVMe: "nvme",
  LsiLogic: "scsi",
  BusLogic: "scsi",
  VirtioSCSI: "virtio",
  PIIX3: "ide",
  PIIX4: "ide",
  ICH6: "ide",
  LSILogicSAS: "sas",
  LsiLogicSas: "sas",
  USB: "usb",
  I82078: "floppy",
};

const BOOT_DEVICES = ["none", "floppy", "dvd", "disk", "net"] as const;
/** Of a machine with the ICH9 chipset; the usual one has 8. */
const MAX_NICS = 36;

/** Just the state, for which the settings file is not needed. */
export const readPower = (text: string): VmPower =>
  powerOf(firstOf(readMachineReadable(text)).get("VMState") ?? "");

/** What is in the drives, for which the settings file is not needed either. */
export function readAttachments(text: string): AttachmentFacts[] {
  const values = firstOf(readMachineReadable(text));
  return attachmentsOf(values, controllersOf(values));
}

/** Path of the settings file. */
export const readConfigFile = (text: string): string =>
  firstOf(readMachineReadable(text)).get("CfgFile") ?? "";

const powerOf = (text: string): VmPower => (text in POWERS ? (text as VmPower) : "other");

/** Reads `showvminfo --machinereadable` and the settings file beside it. */
export function readVmFacts(text: string, settings: SettingsFile): VmFacts {
  const pairs = readMachineReadable(text);
  const values = firstOf(pairs);
  const value = (key: string): string => values.get(key) ?? "";
  const controllers = controllersOf(values);
  return {
    name: value("name"),
    uuid: value("UUID").toLowerCase(),
    configFile: value("CfgFile"),
    power: powerOf(value("VMState")),
    poweredAt: value("VMStateChangeTime"),
    osType: settings.osType,
    description: value("description"),
    cpus: Number(value("cpus")),
    memoryMiB: Number(value("memory")),
    firmware: /efi/i.test(value("firmware")) ? "uefi" : "bios",
    boot: [1, 2, 3, 4].map(
      (at): BootDevice => BOOT_DEVICES.find((one) => one === value(`boot${at}`)) ?? "none",
    ),
    nics: nicsOf(values, settings),
    controllers,
    attachments: attachmentsOf(values, controllers),
    sharedFolders: settings.sharedFolders,
    extraData: settings.extraData,
  };
}

function nicsOf(values: Map<string, string>, settings: SettingsFile): NicFacts[] {
  const nics: NicFacts[] = [];
  for (let slot = 1; slot <= MAX_NICS; slot++) {
    const told = values.get(`nic${slot}`)?.toLowerCase();
    if (told === undefined || told === "none") continue;
    const type: NicType = told in NIC_TYPES ? (told as NicType) : "other";
    const key = type === "other" ? undefined : NIC_TYPES[type];
    const attachment = key && values.get(`${key}${slot}`);
    const nat = settings.nat.get(slot);
    nics.push({
      slot,
      type,
      ...(attachment && { attachment }),
      properties: settings.properties.get(slot) ?? {},
      mac: macInPlan(values.get(`macaddress${slot}`) ?? ""),
      model: NIC_MODELS[values.get(`nictype${slot}`) ?? ""] ?? "other",
      cable: values.get(`cableconnected${slot}`) === "on",
      ...(type === "nat" && nat && { nat }),
    });
  }
  return nics;
}

function controllersOf(values: Map<string, string>): ControllerFacts[] {
  const controllers: ControllerFacts[] = [];
  for (let at = 0; ; at++) {
    const name = values.get(`storagecontrollername${at}`);
    if (name === undefined) return controllers;
    const bus = BUSES[values.get(`storagecontrollertype${at}`) ?? ""] ?? "other";
    controllers.push({ name, bus, ports: Number(values.get(`storagecontrollerportcount${at}`)) });
  }
}

/** `"SATA-0-0"="/path"`, `"SATA-ImageUUID-0-0"="…"`. Controllers' names may hold dashes and digits. */
function attachmentsOf(values: Map<string, string>, controllers: ControllerFacts[]): AttachmentFacts[] {
  return controllers.flatMap(({ name }) =>
    [...values].flatMap(([key, path]): AttachmentFacts[] => {
      const [, port, device] = key.startsWith(`${name}-`)
        ? (/^(\d+)-(\d+)$/.exec(key.slice(name.length + 1)) ?? [])
        : [];
      if (port === undefined || device === undefined || path === "none") return [];
      const slot = { controller: name, port: Number(port), device: Number(device) };
      if (path === "emptydrive") return [slot];
      const medium = values.get(`${name}-ImageUUID-${port}-${device}`)?.toLowerCase();
      return [{ ...slot, path, ...(medium && { medium }) }];
    }),
  );
}
