import { same } from "../core/change";
import type { Attached } from "./chain";
import type { BootDevice, NicSettings, SharedFolderFacts, VmFacts } from "./client";
import type { MachineDisk, MachineInputs } from "./machine";
import { nicDifferences } from "./machine-nics";
import { type Attachment, bootDevices, busOf, type Interfaces, wantedAttachments } from "./machine-wanted";

/** What a comparison needs beside inputs and facts. */
export interface Context {
  interfaces: Interfaces;
  /** File name of the machine's seed. */
  seed: string;
  /** Of a machine that we did not make, what we did not declare is not ours. */
  adopted: boolean;
}

/** Fields that contradict what the user set, with what is there instead (rule 6). */
export type Differences = Partial<
  Pick<
    MachineInputs,
    "name" | "osType" | "cpus" | "memoryMiB" | "firmware" | "boot" | "nics" | "disks" | "sharedFolders"
  >
> & { intact?: false };

export interface Comparison {
  differences: Differences;
  /** NICs to write. */
  nics: NicSettings[];
  /** What to take out of drives, then what to put in. */
  detach: Attached[];
  attach: Attachment[];
  /** Everything that differs can be changed while it runs. */
  live: boolean;
}

const INPUT_OF: Record<BootDevice, string> = {
  disk: "hd",
  dvd: "cdrom",
  net: "network",
  floppy: "floppy",
  none: "none",
};

export function compare(
  inputs: MachineInputs,
  facts: VmFacts,
  attached: readonly Attached[],
  context: Context,
): Comparison {
  const result: Differences = {};
  for (const field of ["name", "osType", "cpus", "memoryMiB", "firmware"] as const)
    if (inputs[field] !== facts[field]) Object.assign(result, { [field]: facts[field] });
  const boot = withoutTail(facts.boot);
  if (!same(withoutTail(bootDevices(inputs.boot)), boot))
    result.boot = boot.map((device) => INPUT_OF[device]) as MachineInputs["boot"];

  const nics = nicDifferences(inputs, facts.nics, context.interfaces, !context.adopted);
  if (nics.found) result.nics = nics.found;
  const folders = foldersFound(inputs, facts.sharedFolders, context.adopted);
  if (folders) result.sharedFolders = folders;

  const storage = attachmentDifferences(inputs, attached, context);
  const isSeed = (name: string | undefined) => name === context.seed;
  const seedDiffers =
    storage.attach.some(({ medium }) => medium === undefined) ||
    storage.detach.some(({ ours }) => isSeed(ours));
  const disksDiffer =
    storage.attach.some(({ medium }) => medium !== undefined) ||
    storage.detach.some(({ ours }) => !isSeed(ours));
  if (disksDiffer)
    result.disks = asDisks(
      inputs,
      attached.filter(({ ours }) => !isSeed(ours)),
    );
  if (seedDiffers) result.intact = false;
  const { nics: _, ...rest } = result;
  return {
    differences: result,
    nics: nics.settings,
    ...storage,
    live: Object.keys(rest).length === 0 && nics.liveOnly,
  };
}

const withoutTail = (boot: readonly BootDevice[]): BootDevice[] => {
  const last = boot.findLastIndex((device) => device !== "none");
  return boot.slice(0, last + 1);
};

/** `name.vdi` or `name.iso` of a wanted attachment. */
export const fileOf = ({ kind, medium }: Attachment, seed: string): string =>
  medium === undefined ? seed : `${medium}.${kind === "dvd" ? "iso" : "vdi"}`;

const place = ({ controller, port, device = 0 }: { controller: string; port: number; device?: number }) =>
  `${controller}/${port}/${device}`;

/** An empty drive that nobody asked for says nothing. */
function attachmentDifferences(
  inputs: MachineInputs,
  attached: readonly Attached[],
  { seed, adopted }: Context,
): { detach: Attached[]; attach: Attachment[] } {
  const wanted = wantedAttachments(inputs);
  if (adopted) {
    const isThere = (item: Attachment) => attached.some(({ ours }) => ours === fileOf(item, seed));
    return { detach: [], attach: wanted.filter((item) => !isThere(item)) };
  }
  const isRight = (item: Attachment, found: Attached) =>
    place(item.slot) === place(found) && found.ours === fileOf(item, seed);
  return {
    detach: attached.filter(
      (found) => found.path !== undefined && !wanted.some((item) => isRight(item, found)),
    ),
    attach: wanted.filter((item) => !attached.some((found) => isRight(item, found))),
  };
}

/** Disks as they are, in the user's own words where they are as wanted. */
function asDisks(inputs: MachineInputs, attached: readonly Attached[]): MachineDisk[] {
  return attached
    .filter(({ path }) => path !== undefined)
    .map(({ controller, ours, path = "" }) => {
      const [, name = ours ?? path, ending] = /^(.*)\.(vdi|iso)$/.exec(ours ?? "") ?? [];
      const bus = busOf(controller);
      const written = inputs.disks.find((disk) => disk.medium === name);
      if (written && (written.bus ?? "sata") === bus) return written;
      return {
        medium: name,
        ...(bus ? { bus } : {}),
        ...(ending === "iso" ? { device: "dvd" as const } : {}),
      };
    });
}

/** A shared folder with nothing left out: what is compared, and what is synced by. */
export const folderForm = ({
  name,
  path,
  readOnly = false,
  autoMount = false,
}: MachineInputs["sharedFolders"][number]) => ({
  name,
  path,
  readOnly,
  autoMount,
});

const byName = (a: { name: string }, b: { name: string }): number => (a.name < b.name ? -1 : 1);

/** Undefined when they are as wanted, in whichever order. */
function foldersFound(
  { sharedFolders }: Pick<MachineInputs, "sharedFolders">,
  found: readonly SharedFolderFacts[],
  adopted: boolean,
): MachineInputs["sharedFolders"] | undefined {
  const wanted = sharedFolders.map(folderForm).sort(byName);
  const there = found
    .filter(({ name }) => !adopted || wanted.some((folder) => folder.name === name))
    .map(folderForm)
    .sort(byName);
  if (same(wanted, there)) return undefined;
  return there.map((folder) => sharedFolders.find((written) => same(folderForm(written), folder)) ?? folder);
}
