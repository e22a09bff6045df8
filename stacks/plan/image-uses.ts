import type { ConfigPath } from "../config/types";
import type { Context } from "./context";
import { formatGiB } from "./describe";
import { editionOf } from "./installs";
import type { MachineFacts } from "./machines";
import { own } from "./stable";

/** Which edition of its image a disk was cloned from: for the lock file. */
export const cloneOf = (image: string, edition: string): string => `${image} ${edition}`;

/** The disks of a machine that are clones of installed images: `disk0` → `rocky9 rocky9-g1`. */
export function clonesOf({ config: { images } }: Context, { config }: MachineFacts): Record<string, string> {
  const clones: Record<string, string> = {};
  for (const [index, { image }] of (config.disks ?? []).entries()) {
    const install = image === undefined ? undefined : own(images, image)?.install;
    if (image !== undefined && install) clones[`disk${index}`] = cloneOf(image, editionOf(install));
  }
  return clones;
}

/** Checks of machines that use installed images. */
export function checkImageUses(context: Context, machines: ReadonlyMap<string, MachineFacts>): void {
  for (const machine of machines.values()) {
    for (const [index, disk] of (machine.config.disks ?? []).entries())
      checkUse(context, machine, disk.image, ["disks", index, "image"], disk);
    const { iso, kernel } = machine.config;
    for (const [name, field] of [
      [iso, ["iso"]],
      [kernel?.kernel, ["kernel", "kernel"]],
      [kernel?.initrd, ["kernel", "initrd"]],
    ] as const)
      if (name !== undefined && own(context.config.images, name)?.install)
        context.problems.add(
          ["machines", machine.logical, ...field],
          `image "${name}" is an installed disk. Use it as a disk's \`image\`.`,
        );
    checkEdition(context, machine);
  }
}

function checkUse(
  { config, problems }: Context,
  { logical, config: machine }: MachineFacts,
  image: string | undefined,
  field: ConfigPath,
  disk: { sizeBytes: number },
): void {
  const install = image === undefined ? undefined : own(config.images, image)?.install;
  if (!install) return;
  const add = (at: ConfigPath, message: string) => problems.add(["machines", logical, ...at], message);
  if (install.backend !== machine.backend)
    add(
      field,
      `image "${image}" is installed on backend "${install.backend}" and can be used there alone; this machine is on "${machine.backend}". Declare another image with \`install: { backend: ${machine.backend}, … }\`.`,
    );
  const size = install.sizeBytes;
  if (size !== undefined && disk.sizeBytes < size)
    add(
      [...field.slice(0, -1), "sizeBytes"],
      `a disk of ${formatGiB(disk.sizeBytes)} is smaller than its image "${image}" (${formatGiB(size)}). Make it at least as large.`,
    );
}

/**
 * A clone of another edition is a new disk, and what was written to the old one is lost. The installation is an
 * action on the image; it must not be one on every machine that was ever made of it.
 */
function checkEdition(context: Context, machine: MachineFacts): void {
  const { logical, config, source } = machine;
  const before = own(context.lock.clones, source) ?? {};
  // A move to another backend is told as such.
  if ((own(context.lock.homes, source) ?? config.backend) !== config.backend) return;
  for (const [disk, now] of Object.entries(clonesOf(context, machine))) {
    const was = own(before, disk);
    const [image, edition] = now.split(" ");
    const [formerImage, formerEdition] = (was ?? now).split(" ");
    if (image !== formerImage || edition === formerEdition) continue;
    const what = `${disk} of ${logical} is a clone of ${formerEdition} of image "${image}", and would be made anew from ${edition}: what was written to it is lost`;
    if (config.allow?.includes("wipe")) context.notes.push(`${what}.`);
    else
      context.problems.add(
        ["machines", logical],
        `${what}. If that is meant, add \`allow: [wipe]\` to it until it is done; if not, leave the image as it is, and declare another one for new machines.`,
      );
  }
}
