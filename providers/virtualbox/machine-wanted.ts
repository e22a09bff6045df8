import type { BootDevice, MachineSettings, NicSettings, Slot, StorageBus } from "./client";
import type { MachineDisk, MachineInputs, MachineNic } from "./machine";

/** The host's 127.0.0.1 as a guest of VirtualBox's NAT sees it. */
const HOST_ADDRESS = "10.0.2.2";

const BOOT: Record<MachineInputs["boot"][number], BootDevice> = { hd: "disk", cdrom: "dvd", network: "net" };
export const bootDevices = (boot: MachineInputs["boot"]): BootDevice[] => boot.map((device) => BOOT[device]);

type Bus = Exclude<StorageBus, "other">;
export interface Controller {
  name: string;
  bus: Bus;
  ports: number;
}

/** Enough for every machine, so that a disk more is an attachment more and no new controller. */
const CONTROLLERS: Record<NonNullable<MachineDisk["bus"]>, Controller> = {
  sata: { name: "SATA", bus: "sata", ports: 30 },
  nvme: { name: "NVMe", bus: "nvme", ports: 16 },
  scsi: { name: "SCSI", bus: "scsi", ports: 16 },
  virtio: { name: "VirtIO", bus: "virtio", ports: 16 },
};

/** A medium in its place. `medium` is a name of ours, or undefined for the seed. */
export interface Attachment {
  slot: Slot & { device: number };
  kind: "disk" | "dvd";
  /** Name without its ending; undefined for the machine's seed. */
  medium: string | undefined;
}

/** DVD drives stand behind disks: a BIOS looks only at the first few places of a controller for a disk to boot. */
export function wantedAttachments({
  disks,
  cloudInit,
}: Pick<MachineInputs, "disks" | "cloudInit">): Attachment[] {
  const used = new Map<string, number>();
  const place = (bus: NonNullable<MachineDisk["bus"]>) => {
    const controller = CONTROLLERS[bus].name;
    const port = used.get(controller) ?? 0;
    used.set(controller, port + 1);
    return { controller, port, device: 0 };
  };
  const hard = disks.filter(({ device }) => device !== "dvd");
  const optical = disks.filter(({ device }) => device === "dvd");
  return [
    ...hard.map(({ medium, bus = "sata" }) => ({ slot: place(bus), kind: "disk" as const, medium })),
    ...optical.map(({ medium }) => ({ slot: place("sata"), kind: "dvd" as const, medium })),
    ...(cloudInit ? [{ slot: place("sata"), kind: "dvd" as const, medium: undefined }] : []),
  ];
}

/** What the wanted attachments need. */
export function wantedControllers(inputs: Pick<MachineInputs, "disks" | "cloudInit">): Controller[] {
  const names = new Set(wantedAttachments(inputs).map(({ slot }) => slot.controller));
  return Object.values(CONTROLLERS).filter(({ name }) => names.has(name));
}

/** How a bus of ours is told of an attachment that is there. */
export const busOf = (controller: string): MachineDisk["bus"] =>
  (Object.entries(CONTROLLERS).find(([, { name }]) => name === controller)?.[0] as MachineDisk["bus"]) ??
  "sata";

/** The guest calls home to the host itself, or was said to reach it. */
export function reachesHost(nic: MachineNic, { bootRecord }: Pick<MachineInputs, "bootRecord">): boolean {
  if (nic.hostReachable !== undefined) return nic.hostReachable;
  return bootRecord !== undefined && new URL(bootRecord.url).hostname === HOST_ADDRESS;
}

/** Names of host-only interfaces by the names that they have in the plan. */
export type Interfaces = Readonly<Record<string, string>>;

export function nicSettings(inputs: MachineInputs, interfaces: Interfaces): NicSettings[] {
  return inputs.nics.map((nic, index) => {
    const attachment =
      nic.type === "hostonly" && nic.attachment !== undefined
        ? (interfaces[nic.attachment] ?? nic.attachment)
        : nic.attachment;
    const nat =
      nic.type === "nat"
        ? {
            forwards: nic.forwards ?? [],
            localhostReachable: reachesHost(nic, inputs),
            tftp: { enabled: nic.tftp !== undefined, ...nic.tftp },
          }
        : {};
    return {
      slot: index + 1,
      type: nic.type,
      mac: nic.mac,
      model: nic.model ?? "virtio",
      cable: nic.cable ?? true,
      ...(attachment === undefined ? {} : { attachment }),
      ...(nic.properties === undefined ? {} : { properties: nic.properties }),
      ...nat,
    };
  });
}

/** Everything that one modifyvm writes. */
export const wantedSettings = (inputs: MachineInputs, interfaces: Interfaces): MachineSettings => ({
  osType: inputs.osType,
  cpus: inputs.cpus,
  memoryMiB: inputs.memoryMiB,
  firmware: inputs.firmware,
  boot: bootDevices(inputs.boot),
  nics: nicSettings(inputs, interfaces),
});
