import type { FogHost, FogImage, FogImaging, FogTask, FogTaskState } from "./client";
import { FogError } from "./errors";

/** An object of an answer: never passed on, because some of its fields are secrets. */
export type Row = Record<string, unknown>;

/** PHP writes a list with gaps in its keys as an object. */
const listOf = (value: unknown): unknown[] | undefined => {
  if (Array.isArray(value)) return value;
  return value && typeof value === "object" ? Object.values(value) : undefined;
};

export const rowOf = (value: unknown): Row | undefined =>
  value && typeof value === "object" && !Array.isArray(value) ? (value as Row) : undefined;

/** The rows of a list, of 1.6 or of 1.5; undefined where there is no list at all, which is not an empty one. */
export function rowsOf(value: unknown, plural: string): Row[] | undefined {
  const answer = rowOf(value);
  const rows = listOf(answer?.data ?? answer?.[plural])?.map(rowOf);
  return rows?.every((row) => row !== undefined) ? rows : undefined;
}

/** How many rows there are in all; 0 where the answer does not say. */
export function countOf(value: unknown): number {
  const answer = rowOf(value);
  return integer(answer?.recordsFiltered ?? answer?.recordsTotal ?? answer?.count) ?? 0;
}

/** All scalars are strings in 1.5; ids may be numbers in 1.6. */
const text = (value: unknown): string =>
  typeof value === "string" ? value : typeof value === "number" ? String(value) : "";

function integer(value: unknown): number | undefined {
  const digits = text(value).trim();
  return /^\d+$/.test(digits) ? Number(digits) : undefined;
}

/** `0`, `"0"`, `""` and `false` are false. */
const truth = (value: unknown): boolean => value === true || (integer(value) ?? 0) !== 0;

/** An id that a path may be built of: anything else could name no object, or all of them. */
export function idOf(value: unknown, what: string): number {
  const id = integer(value);
  if (id === undefined || id < 1 || !Number.isSafeInteger(id))
    throw new FogError(
      "protocol",
      `the FOG server gave ${what} without a number. Is its version 1.5 or 1.6?`,
    );
  return id;
}

/** White space is squeezed in what FOG gives back, so it says nothing. */
export const squeezed = (value: string): string => value.replace(/\s+/g, " ").trim();
export const sameText = (a: string, b: string): boolean => squeezed(a) === squeezed(b);
export const sameName = (a: string, b: string): boolean => sameText(a.toLowerCase(), b.toLowerCase());

/** Null dates are zeros in 1.5, and words in 1.6. */
const dateOf = (value: unknown): string | undefined => {
  const date = text(value);
  return /^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d$/.test(date) && !date.startsWith("0000") ? date : undefined;
};

export const plainMac = (mac: string): string => mac.trim().toLowerCase().replaceAll("-", ":");

/** Lists of 1.6 hold the primary MAC alone, and no MACs at all can be `""`. */
function macsOf(row: Row): string[] {
  const others = (listOf(row.macs) ?? []).map((mac) => text(rowOf(mac)?.mac ?? mac));
  return [...new Set([text(row.primac), ...others].map(plainMac).filter((mac) => mac !== ""))];
}

export function hostOf(row: Row): FogHost {
  const [imageName, ip, deployed] = [text(row.imagename), text(row.ip).trim(), dateOf(row.deployed)];
  return {
    id: idOf(row.id, "a host"),
    name: text(row.name),
    description: text(row.description),
    macs: macsOf(row),
    imageId: integer(row.imageID) ?? 0,
    kernelArgs: text(row.kernelArgs),
    ...(imageName && { imageName }),
    ...(ip && { ip }),
    ...(deployed && { deployed }),
  };
}

export const imageOf = (row: Row): FogImage => ({
  id: idOf(row.id, "an image"),
  name: text(row.name),
  description: text(row.description),
  path: text(row.path),
  osId: integer(row.osID) ?? 0,
  imageType: integer(row.imageTypeID) ?? 0,
  partitionType: integer(row.imagePartitionTypeID) ?? 0,
  enabled: truth(row.isEnabled),
});

/** Undefined for a task of no host. */
export const hostIdOf = (row: Row): number | undefined =>
  integer(row.hostID ?? rowOf(row.host)?.id) || undefined;

export function taskOf(row: Row): FogTask {
  const id = idOf(row.id, "a task");
  const state = integer(row.stateID ?? rowOf(row.state)?.id);
  const type = integer(row.typeID ?? rowOf(row.type)?.id);
  // An unknown state must neither be taken for the end nor waited on for ever.
  if (state === undefined || state < 1 || state > 6 || type === undefined)
    throw new FogError(
      "protocol",
      `the FOG server's task ${id} is in a state that is not known here (${state ?? "none"}). Look at it in FOG's web page.`,
    );
  const percent = integer(row.percent) ?? integer(row.pct) ?? 0;
  const more = {
    copied: text(row.dataCopied),
    total: text(row.dataTotal),
    elapsed: text(row.timeElapsed),
    remaining: text(row.timeRemaining),
    createdBy: text(row.createdBy),
  };
  return {
    id,
    hostId: idOf(hostIdOf(row), `task ${id}'s host`),
    name: text(row.name),
    type,
    state: state as FogTaskState,
    percent: Math.min(100, percent),
    ...Object.fromEntries(Object.entries(more).filter(([, value]) => value !== "")),
  };
}

/** A finished deployment; undefined for everything else in the log. */
export function imagingOf(row: Row): (FogImaging & { finish: string }) | undefined {
  const [start, finish] = [dateOf(row.start), dateOf(row.finish)];
  const host = integer(row.hostID ?? rowOf(row.host)?.id ?? row.host);
  const image = text(rowOf(row.image)?.name ?? row.image);
  if (!start || !finish || host === undefined || !["", "down", "1"].includes(text(row.type)))
    return undefined;
  const seconds = (instantOf(finish) - instantOf(start)) / 1000;
  return seconds >= 0 ? { image, host, seconds, finish } : undefined;
}

/** Both ends are in the server's own time: only their difference means anything. */
const instantOf = (date: string): number => Date.parse(`${date.replace(" ", "T")}Z`);
