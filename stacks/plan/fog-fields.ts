import type { ConfigPath, MachineConfig } from "../config/types";
import type { Context } from "./context";
import { badMac } from "./identity";
import { badLogicalName } from "./names";

type Add = (field: ConfigPath, message: string) => void;
type Rule = { field: keyof MachineConfig; advice: string; at?: (config: MachineConfig) => ConfigPath };

const HARDWARE = "A host of bare metal has what is built in: take it out";

/** What a machine of a hypervisor has, and a host of bare metal has not. */
const NOT_ON_METAL: Rule[] = [
  { field: "cpus", advice: HARDWARE },
  { field: "memoryMiB", advice: HARDWARE },
  { field: "disks", advice: "The image says what is on its disks: give `image: <image>` alone" },
  { field: "networks", advice: "Its cards are known by `macs`, and its address by `address`" },
  { field: "iso", advice: "FOG boots it from the network: take it out" },
  { field: "boot", advice: "FOG and `power` decide what it boots from: take it out" },
  { field: "kernel", advice: "FOG boots its own: take it out" },
  {
    field: "cloudInit",
    advice: "Keys and users of a host are set over SSH: `access: { user: …, sshKeys: [...] }`",
    at: ({ cloudInit }) => [
      "cloudInit",
      ...(cloudInit?.sshKeys ? ["sshKeys"] : cloudInit?.user ? ["user"] : []),
    ],
  },
  { field: "firmware", advice: HARDWARE },
  { field: "running", advice: "It is switched when it is imaged and given back, as `onRelease` says" },
  { field: "autostart", advice: "Set it in its firmware" },
  { field: "wait", advice: "`up` always waits until it answers; how long says `imaging: { boot: 15m }`" },
  { field: "osType", advice: "It is VirtualBox's: take it out" },
  { field: "sharedFolders", advice: "They are VirtualBox's: take them out" },
  { field: "snapshots", advice: "A host of bare metal has none: capture an image of it instead" },
  { field: "template", advice: "It is a template of libvirt's XML: take it out" },
  { field: "hostName", advice: "FOG gives the system the host's name there: set `name`" },
];

/** What a host of bare metal has, and a machine of a hypervisor has not. */
const ONLY_ON_METAL: Rule[] = [
  { field: "macs", advice: "Give its card one: `networks: [{ network: …, mac: … }]`" },
  { field: "address", advice: "Give its card one: `networks: [{ network: …, ip: … }]`" },
  { field: "resource", advice: "Take it out" },
  { field: "power", advice: "Its hypervisor switches it: take it out" },
  { field: "onRelease", advice: "Its disks go with it: take it out" },
  { field: "imaging", advice: "Take it out" },
  { field: "imageGeneration", advice: "An installed image has `generation`; the machine has none" },
];

/** What is of an imaging, on a host that is only registered. */
const ONLY_IMAGED: (keyof MachineConfig)[] = [
  "onRelease",
  "imaging",
  "imageGeneration",
  "access",
  "power",
  "address",
  "hostKey",
];

const DAY_S = 86_400;

/** Fields of a FOG host on a machine of a hypervisor. */
export function checkNoFogFields(config: MachineConfig, place: string, add: Add): void {
  for (const { field, advice } of ONLY_ON_METAL)
    if (config[field] !== undefined)
      add([field], `${field} is for hosts of a FOG server, and this machine is on ${place}. ${advice}.`);
  if (config.image !== undefined)
    add(["image"], 'an image needs a disk to lie on; add one, like "disk: 20 GiB"');
}

/** Checks of one FOG host that need no facts of others. */
export function checkFogFields({ problems }: Context, logical: string, config: MachineConfig): void {
  const add: Add = (field, message) => problems.add(["machines", logical, ...field], message);
  const bad = badLogicalName(logical);
  if (bad) add([], `${bad}. Rename it.`);
  for (const { field, advice, at } of NOT_ON_METAL)
    if (config[field] !== undefined)
      add(at?.(config) ?? [field], `a host of a FOG server has no ${WORDS[field] ?? field}. ${advice}.`);
  for (const [index, mac] of (config.macs ?? []).entries()) {
    const badOne = badMac(mac);
    if (badOne && !mac.startsWith("fe:")) add(["macs", index], `MAC address "${mac}": ${badOne}.`);
  }
  if (config.image === undefined) checkUnimaged(config, add);
  checkImaging(config, add);
}

/** Fields as people write them. */
const WORDS: Partial<Record<keyof MachineConfig, string>> = {
  memoryMiB: "memory",
  disks: "disk",
  cloudInit: "cloud-init",
};

function checkUnimaged(config: MachineConfig, add: Add): void {
  // A disk with an image is told as such.
  if (config.disks !== undefined) return;
  const field = ONLY_IMAGED.find((one) => config[one] !== undefined);
  if (field !== undefined)
    add([field], `${field} is of a host that is imaged, and this one has no \`image\`. Give it one.`);
  else if (config.macs === undefined && config.adopt !== true)
    add(
      [],
      "nothing would be done with it. Give it an `image`; or, to register it alone, its `macs`, or `adopt: true`.",
    );
}

function checkImaging({ imaging }: MachineConfig, add: Add): void {
  if (!imaging) return;
  const { totalS = Number.POSITIVE_INFINITY } = imaging;
  for (const field of ["queuedS", "stallS", "totalS", "bootS"] as const)
    if ((imaging[field] ?? 0) > 7 * DAY_S)
      add(["imaging", field], "nobody waits for a week. Use 7d or less.");
  for (const field of ["queuedS", "stallS"] as const) {
    const limit = imaging[field];
    if (limit !== undefined && limit > totalS)
      add(
        ["imaging", field],
        `it is longer than the total of ${totalS} s, and so would never end anything. Make it shorter, or \`total\` longer.`,
      );
  }
}
