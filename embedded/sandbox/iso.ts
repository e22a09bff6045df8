import * as fs from "node:fs";

const SECTOR = 2048;
const DESCRIPTOR = 16;
/** A seed is a few files in the root folder; anything larger is not read. */
const MOST_BYTES = 8 * 1024 * 1024;

/**
 * The files in the root folder of an ISO 9660 image, by their Rock Ridge names, else by their ISO names in lower case
 * without version. Undefined when the file is no such image.
 */
export function readIsoRoot(file: string): { label: string; files: Map<string, Buffer> } | undefined {
  let image: Buffer;
  try {
    if (fs.statSync(file).size > MOST_BYTES) return undefined;
    image = fs.readFileSync(file);
  } catch {
    return undefined;
  }
  const descriptor = image.subarray(DESCRIPTOR * SECTOR, (DESCRIPTOR + 1) * SECTOR);
  if (descriptor.length < SECTOR || descriptor.toString("latin1", 1, 6) !== "CD001") return undefined;
  const start = descriptor.readUInt32LE(158) * SECTOR;
  const end = Math.min(start + descriptor.readUInt32LE(166), image.length);
  const files = new Map<string, Buffer>();
  for (let at = start; at < end; ) {
    const size = image[at] ?? 0;
    if (size === 0) {
      // Records do not cross sectors: the rest of this one is empty.
      at = (Math.floor(at / SECTOR) + 1) * SECTOR;
      continue;
    }
    const record = image.subarray(at, at + size);
    at += size;
    if (record.length < 34 || ((record[25] ?? 0) & 2) !== 0) continue;
    const extent = record.readUInt32LE(2) * SECTOR;
    files.set(nameOf(record), image.subarray(extent, extent + record.readUInt32LE(10)));
  }
  return { label: descriptor.toString("latin1", 40, 72).trim(), files };
}

function nameOf(record: Buffer): string {
  const length = record[32] ?? 0;
  const systemUse = 33 + length + ((33 + length) % 2);
  let name = "";
  for (let at = systemUse; at + 4 <= record.length; ) {
    const size = record[at + 2] ?? 0;
    if (size < 4) break;
    if (record.toString("latin1", at, at + 2) === "NM") name += record.toString("utf8", at + 5, at + size);
    at += size;
  }
  const plain = record
    .toString("latin1", 33, 33 + length)
    .replace(/;\d+$/, "")
    .replace(/\.$/, "");
  return name || plain.toLowerCase();
}
