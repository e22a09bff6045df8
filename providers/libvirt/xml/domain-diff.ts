import { same } from "../../core/change";
import type { DomainDisk, DomainInputs, DomainNic } from "../domain";
import type { DiskFact, DomainFacts } from "./domain-facts";

/**
 * Fields in which a definition contradicts what the user set, with what it has instead (rule 6). `intact` stands for
 * what we wrote and what is no input: what the guest's power-off does.
 *
 * Disks and cards that are neither wanted nor in our mark were attached by somebody else: no contradiction, so no
 * drift; they stay, also when the domain is redefined. One of ours that was detached or changed is a contradiction.
 */
export type Differences = Partial<
  Pick<
    DomainInputs,
    "cpus" | "memoryMiB" | "firmware" | "accel" | "boot" | "disks" | "nics" | "cloudInit" | "template"
  >
> & { kernel?: DomainInputs["kernel"] | undefined; intact?: false };

/** What is compared of the definition that we would write, and of the one that is there. */
export function differences(inputs: DomainInputs, wanted: DomainFacts, found: DomainFacts): Differences {
  const ours = new Set(found.mark?.devices);
  const result: Differences = {};
  for (const field of ["cpus", "memoryMiB", "firmware"] as const)
    if (wanted[field] !== found[field]) Object.assign(result, { [field]: found[field] });
  if (wanted.type !== found.type) result.accel = found.type === "kvm" ? "kvm" : "tcg";
  if (wanted.boot.length > 0 && !same(wanted.boot, found.boot)) result.boot = found.boot;
  if (!same(wanted.kernel, found.kernel)) result.kernel = found.kernel;
  if (wanted.powerActions !== found.powerActions) result.intact = false;

  const disks = found.disks.filter((disk) => ours.has(disk.target) || wanted.disks.some(sameVolume(disk)));
  if (!listsMatch(wanted.disks, disks, sameDisk)) result.disks = asDisks(inputs, wanted, disks);
  const named = wanted.nics.filter(({ mac }) => mac !== "");
  const nics = found.nics.filter(({ mac }) => ours.has(mac) || named.some((nic) => nic.mac === mac));
  if (!listsMatch(byMac(named), byMac(nics), sameNic)) result.nics = asNics(inputs, nics);
  return result;
}

/** The seed and the template are compared by the digests in the mark: their texts cannot be read back. */
export function digestDifferences(
  wanted: { seed?: string; template?: string },
  found: DomainFacts,
): Differences {
  return {
    ...(wanted.seed === found.mark?.seed ? {} : { cloudInit: {} }),
    ...(wanted.template === found.mark?.template ? {} : { template: "(another text)" }),
  };
}

const byMac = (nics: readonly DomainNic[]): DomainNic[] => [...nics].sort((a, b) => (a.mac < b.mac ? -1 : 1));

const listsMatch = <T>(wanted: readonly T[], found: readonly T[], equal: (a: T, b: T) => boolean): boolean =>
  wanted.length === found.length && wanted.every((item, index) => equal(item, found[index] as T));

const sameVolume =
  (a: DiskFact) =>
  (b: DiskFact): boolean =>
    a.volume !== undefined && a.volume === b.volume && a.pool === b.pool;

/** Targets may differ: a disk of somebody else's may have taken the one that we would choose. */
const sameDisk = (wanted: DiskFact, found: DiskFact): boolean =>
  wanted.pool === found.pool &&
  wanted.volume === found.volume &&
  wanted.device === found.device &&
  wanted.bus === found.bus &&
  wanted.format === found.format;

/** A template that names no model gets libvirt's choice. */
const sameNic = (wanted: DomainNic, found: DomainNic): boolean =>
  wanted.mac === found.mac &&
  wanted.network === found.network &&
  wanted.bridge === found.bridge &&
  (wanted.model === undefined || wanted.model === found.model);

/** Disks as they are, in the user's own words where they are as wanted. */
function asDisks(inputs: DomainInputs, wanted: DomainFacts, disks: readonly DiskFact[]): DomainDisk[] {
  const isSeed = (disk: DiskFact) =>
    wanted.disks.some(sameVolume(disk)) && !inputs.disks.some(({ volume }) => volume === disk.volume);
  return disks
    .filter((disk) => !isSeed(disk))
    .map((disk) => {
      const written = inputs.disks.find(({ pool, volume }) => pool === disk.pool && volume === disk.volume);
      const intended = wanted.disks.find(sameVolume(disk));
      if (written && intended && sameDisk(intended, disk)) return written;
      return {
        volume: disk.volume ?? "",
        pool: disk.pool ?? "",
        format: written?.format === "iso" && disk.format === "raw" ? "iso" : disk.format,
        device: disk.device,
        bus: disk.bus,
      } as DomainDisk;
    });
}

const asNics = (inputs: DomainInputs, nics: readonly DomainNic[]): DomainNic[] =>
  nics.map((nic) => {
    const written = inputs.nics.find(({ mac }) => mac === nic.mac);
    const wanted = written && { ...written, model: written.model ?? ("virtio" as const) };
    if (written && wanted && sameNic(wanted, nic)) return written;
    return { ...nic, ...(written?.ip === undefined ? {} : { ip: written.ip }) };
  });
