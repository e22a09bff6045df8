import { createHash } from "node:crypto";
import { basename } from "node:path";
import type { Problem } from "../core/definition";
import { pruned } from "../core/reported";
import { formatBytes } from "../core/sizes";
import type { LibvirtClient, VolumeRef } from "./client";
import { unlessGone } from "./clients";
import type { VolumeInputs, VolumeState } from "./volume";
import { parseXml } from "./xml/parse";
import { readVolume, type VolumeFacts } from "./xml/volume";

/** How messages name a volume. */
export const who = ({ name }: Pick<VolumeInputs, "name">) => `volume "${name}"`;

/** A volume as it is. */
export interface FoundVolume {
  ref: VolumeRef;
  facts: VolumeFacts;
  /** Bytes that the guest sees. */
  capacity: number;
  complete: boolean;
}

/** libvirt rounds capacities up to whole sectors. */
const SECTOR = 512;
export const sectors = (bytes: number) => Math.ceil(bytes / SECTOR) * SECTOR;

/**
 * Name of the empty volume that says "the upload of exactly this content is complete". Volumes carry no metadata and
 * cannot be renamed, so without it a half-sent image looks like a whole one.
 */
export function completeMarker({ name, source, copyOf, checksum }: VolumeInputs): string {
  const from = copyOf === undefined ? (source ?? null) : { copyOf };
  const content = createHash("sha256").update(checksum ?? JSON.stringify(from));
  return `${name}.${content.digest("hex").slice(0, 12)}.ok`;
}

/** It is made of something, so that half of it is not all of it. */
export const hasContent = ({ source, copyOf }: VolumeInputs): boolean =>
  source !== undefined || copyOf !== undefined;

/** Any content's marker of this volume. */
export const isMarkerOf = (name: string, candidate: string): boolean =>
  candidate.startsWith(`${name}.`) && /^[0-9a-f]{12}\.ok$/.test(candidate.slice(name.length + 1));

/** Looked up by names alone, in one round trip: a volume's server-side identity is its pool's name and its own. */
export async function lookAt(client: LibvirtClient, inputs: VolumeInputs): Promise<FoundVolume | undefined> {
  const ref: VolumeRef = { pool: inputs.pool, name: inputs.name, key: "" };
  const marker = { ...ref, name: completeMarker(inputs) };
  const answers = await unlessGone(
    Promise.all([
      client.volumeInfo(ref),
      client.volumeXml(ref),
      hasContent(inputs) ? unlessGone(client.volumeInfo(marker)) : true,
    ]),
  );
  if (!answers) return undefined;
  const [{ capacity }, xml, complete] = answers;
  const facts = readVolume(parseXml(xml));
  return {
    ref: { ...ref, key: facts.path ?? "" },
    facts,
    capacity: Number(capacity),
    complete: complete !== undefined,
  };
}

const formatOf = (inputs: VolumeInputs, { format }: VolumeFacts) =>
  (format === "iso" ? "raw" : format) === (inputs.format === "iso" ? "raw" : inputs.format)
    ? inputs.format
    : (format as VolumeInputs["format"]);

/** What `observe` reports. */
export const stateOf = (inputs: VolumeInputs, { facts, capacity, complete }: FoundVolume): VolumeState =>
  pruned<VolumeState>({
    ...inputs,
    format: formatOf(inputs, facts),
    capacity:
      inputs.capacity === undefined || !complete || sectors(inputs.capacity) === capacity
        ? inputs.capacity
        : capacity,
    backing: inputs.backing && facts.backingPath && basename(facts.backingPath),
    path: facts.path ?? "",
    complete,
  });

/** What no reconcile can do to a volume that exists, because its data would be lost. */
export function refusal(inputs: VolumeInputs, { capacity }: { capacity?: number }): Problem | undefined {
  if (inputs.capacity === undefined || capacity === undefined) return undefined;
  if (sectors(inputs.capacity) >= sectors(capacity)) return undefined;
  return {
    field: "capacity",
    message: `${who(inputs)} is ${formatBytes(capacity)} large and never shrinks, for that would cut off data. Write at least ${formatBytes(capacity)}; for a smaller disk, declare a new one and copy.`,
  };
}
