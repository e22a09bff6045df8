import { createHash } from "node:crypto";
import type { Problem } from "../core/definition";
import { LabError } from "../core/errors";
import { pruned } from "../core/reported";
import { formatBytes } from "../core/sizes";
import type { MediumFacts, VirtualBoxClient } from "./client";
import { baseName, diskPath, isoPath } from "./folder";
import type { MediumInputs, MediumState } from "./medium";
import { isMoving } from "./snapshot-moves";

/** How messages name a medium. */
export const who = ({ name }: Pick<MediumInputs, "name">) => `medium "${name}"`;

const MIB = 1024 * 1024;
/** VirtualBox counts in whole MiB. */
export const wholeMiB = (bytes: number): number => Math.ceil(bytes / MIB) * MIB;

/** The files of a medium. */
export interface MediumPaths {
  folder: string;
  path: string;
  /** Says that its contents are whole. Media carry no metadata, and half a copy looks like a whole one. */
  marker: string;
  /** What is being sent, before VirtualBox makes a disk of it. */
  upload: string;
}

export function pathsOf(client: VirtualBoxClient, folder: string, inputs: MediumInputs): MediumPaths {
  const { name, format, source, checksum, parent } = inputs;
  const path = format === "iso" ? isoPath(client, folder, name) : diskPath(client, folder, name);
  const content = createHash("sha256").update(checksum ?? JSON.stringify(source ?? parent ?? null));
  return {
    folder,
    path,
    marker: client.join(folder, `${name}.${content.digest("hex").slice(0, 12)}.ok`),
    upload: client.join(folder, `${name}.upload`),
  };
}

/** Any content's marker of this medium. */
export const isMarkerOf = (name: string, candidate: string): boolean =>
  candidate.startsWith(`${name}.`) && /^[0-9a-f]{12}\.ok$/.test(candidate.slice(name.length + 1));

/** Contents that take long to make, and so may be half there. */
export const isCopied = ({ source, parent, clone }: MediumInputs): boolean =>
  source !== undefined || (parent !== undefined && clone === "full");

export interface FoundMedium {
  /** Undefined for an ISO, which needs no look, and for a disk that is being moved back or only half there. */
  facts: MediumFacts | undefined;
  complete: boolean;
  /** A snapshot that was deleted took its file along; it is on its way back. */
  moving: boolean;
}

/** Looked up by its path: that is what it is known by. */
export async function lookAt(
  client: VirtualBoxClient,
  inputs: MediumInputs,
  paths: MediumPaths,
): Promise<FoundMedium | undefined> {
  if (!(await client.fileExists(paths.path)))
    return (await isMoving(client, paths.path))
      ? { facts: undefined, complete: false, moving: true }
      : undefined;
  const complete = !isCopied(inputs) || (await client.fileExists(paths.marker));
  if (!complete) return { facts: undefined, complete, moving: false };
  const facts = inputs.format === "iso" ? undefined : await client.medium("disk", paths.path);
  if (inputs.format === "vdi" && !facts?.accessible)
    throw new LabError(
      `${who(inputs)}: VirtualBox cannot read ${paths.path}. What is in it is not thrown away: repair it ("VBoxManage showmediuminfo disk PATH" says more), or delete the file, and it is made anew.`,
    );
  return { facts, complete, moving: false };
}

/** What `observe` reports. */
export async function stateOf(
  client: VirtualBoxClient,
  inputs: MediumInputs,
  paths: MediumPaths,
  { facts, complete }: FoundMedium,
): Promise<MediumState> {
  const isLinked = inputs.parent !== undefined && inputs.clone !== "full";
  const hasOther = facts !== undefined && isLinked !== (facts.parent !== undefined);
  const parent =
    isLinked && facts?.parent !== undefined ? await client.medium("disk", facts.parent) : undefined;
  return pruned<MediumState>({
    ...inputs,
    capacity:
      inputs.capacity === undefined || !facts || wholeMiB(inputs.capacity) === facts.capacityBytes
        ? inputs.capacity
        : facts.capacityBytes,
    parent: hasOther ? facts.parent : parent ? baseName(parent.path).replace(/\.vdi$/, "") : inputs.parent,
    uuid: facts?.uuid ?? "",
    path: paths.path,
    complete,
  });
}

/** What no reconcile can do to a medium that exists, because its data would be lost. */
export function refusal(inputs: MediumInputs, { capacity }: { capacity?: number }): Problem | undefined {
  if (inputs.capacity === undefined || capacity === undefined) return undefined;
  if (wholeMiB(inputs.capacity) >= wholeMiB(capacity)) return undefined;
  return {
    field: "capacity",
    message: `${who(inputs)} is ${formatBytes(capacity)} large and never shrinks, for that would cut off data. Write at least ${formatBytes(capacity)}; for a smaller disk, declare a new one and copy.`,
  };
}
