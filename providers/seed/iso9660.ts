/**
 * A small ISO 9660 image with Rock Ridge names (SUSP/RRIP 1.12, as Linux' isofs reads them): a handful of files in
 * the root folder, as a NoCloud seed needs. Only what ECMA-119 requires is written, and nothing that changes from one
 * run to the next, so that equal files give equal bytes.
 */
const SECTOR = 2048;
/** Sectors 0 to 15 are the system area. */
const DESCRIPTOR = 16;

export interface IsoFile {
  /** At most 8 + 3 characters apart from letter case and hyphens; the true name is kept by Rock Ridge. */
  name: string;
  data: Buffer;
}

/** Numbers are written in both byte orders (ECMA-119 7.2.3, 7.3.3). */
function both16(target: Buffer, value: number, at: number): void {
  target.writeUInt16LE(value, at);
  target.writeUInt16BE(value, at + 2);
}
function both32(target: Buffer, value: number, at: number): void {
  target.writeUInt32LE(value, at);
  target.writeUInt32BE(value, at + 4);
}

const sectorsOf = (bytes: number): number => Math.ceil(bytes / SECTOR);
const padded = (text: string, length: number): string => text.padEnd(length).slice(0, length);

/** A name that plain ISO 9660 allows: `USERDATA.;1`. Unique because the index is put in. */
const isoName = (name: string, index: number): string =>
  `${name
    .toUpperCase()
    .replace(/[^A-Z0-9]/g, "")
    .slice(0, 7)}${index}.;1`;

/** One System Use entry: signature, length, version 1, payload. */
function susp(signature: string, payload: Buffer): Buffer {
  const head = Buffer.from([0, 0, payload.length + 4, 1]);
  head.write(signature, 0, "latin1");
  return Buffer.concat([head, payload]);
}

/** POSIX mode, links, owner (RRIP 4.1.1). Files are readable by root alone: the seed holds a private key. */
function posix(mode: number, links: number): Buffer {
  const payload = Buffer.alloc(32);
  both32(payload, mode, 0);
  both32(payload, links, 8);
  return susp("PX", payload);
}

const ALTERNATE_NAME = (name: string): Buffer =>
  susp("NM", Buffer.concat([Buffer.from([0]), Buffer.from(name, "latin1")]));

/** First in the root's own record: System Use entries are used here, of this extension (SUSP 5.3, 5.5). */
function announcement(): Buffer {
  const id = "RRIP_1991A";
  const text = "THE ROCK RIDGE INTERCHANGE PROTOCOL PROVIDES SUPPORT FOR POSIX FILE SYSTEM SEMANTICS";
  const source = "PLEASE CONTACT DISC PUBLISHER FOR SPECIFICATION SOURCE.";
  return Buffer.concat([
    susp("SP", Buffer.from([0xbe, 0xef, 0])),
    susp(
      "ER",
      Buffer.concat([
        Buffer.from([id.length, text.length, source.length, 1]),
        Buffer.from(id + text + source, "latin1"),
      ]),
    ),
  ]);
}

interface DirectoryEntry {
  identifier: Buffer;
  extent: number;
  length: number;
  isDirectory: boolean;
  systemUse: Buffer;
}

/** A directory record (ECMA-119 9.1). */
function record({ identifier, extent, length, isDirectory, systemUse }: DirectoryEntry): Buffer {
  const nameEnd = 33 + identifier.length;
  const start = nameEnd + (nameEnd % 2);
  const size = start + systemUse.length;
  const buffer = Buffer.alloc(size + (size % 2));
  buffer.writeUInt8(buffer.length, 0);
  both32(buffer, extent, 2);
  both32(buffer, length, 10);
  buffer.set(RECORDED, 18);
  buffer.writeUInt8(isDirectory ? 2 : 0, 25);
  both16(buffer, 1, 28);
  buffer.writeUInt8(identifier.length, 32);
  identifier.copy(buffer, 33);
  systemUse.copy(buffer, start);
  return buffer;
}

/** 2000-01-01 00:00 UTC, in the short form: the time says nothing, and must not differ between runs. */
const RECORDED = Buffer.from([100, 1, 1, 0, 0, 0, 0]);
const LONG_TIME = Buffer.from(`2000010100000000\0`, "latin1");
const NO_TIME = Buffer.from(`0000000000000000\0`, "latin1");

const DIRECTORY_MODE = 0o040500;
const FILE_MODE = 0o100400;

/** The image. `volumeId` is the label that `blkid` shows: `cidata` for a NoCloud seed. */
export function writeIso(volumeId: string, files: readonly IsoFile[]): Buffer {
  // Sector 16 descriptor, 17 terminator, 18 and 19 path tables, 20 root folder, then the files.
  const [littleTable, bigTable, root] = [18, 19, 20];
  let next = root + 1;
  const placed = files.map((file, index) => {
    const extent = next;
    next += sectorsOf(file.data.length);
    return { ...file, extent, iso: isoName(file.name, index) };
  });

  const rootEntry = (systemUse: Buffer, identifier: number): Buffer =>
    record({
      identifier: Buffer.from([identifier]),
      extent: root,
      length: SECTOR,
      isDirectory: true,
      systemUse,
    });
  const records = [
    rootEntry(Buffer.concat([announcement(), posix(DIRECTORY_MODE, 2)]), 0),
    rootEntry(posix(DIRECTORY_MODE, 2), 1),
    ...[...placed]
      .sort((a, b) => (a.iso < b.iso ? -1 : 1))
      .map(({ iso, extent, data, name }) =>
        record({
          identifier: Buffer.from(iso, "latin1"),
          extent,
          length: data.length,
          isDirectory: false,
          systemUse: Buffer.concat([posix(FILE_MODE, 1), ALTERNATE_NAME(name)]),
        }),
      ),
  ];
  const folder = Buffer.concat(records);
  if (folder.length > SECTOR) throw new RangeError("too many files for one directory sector");

  const image = Buffer.alloc(next * SECTOR);
  primaryDescriptor({
    volumeId,
    sectors: next,
    littleTable,
    bigTable,
    root: rootEntry(Buffer.alloc(0), 0),
  }).copy(image, DESCRIPTOR * SECTOR);
  // The set terminator (ECMA-119 8.3).
  image.write("\u00ffCD001\u0001", (DESCRIPTOR + 1) * SECTOR, "latin1");
  pathTable(root, false).copy(image, littleTable * SECTOR);
  pathTable(root, true).copy(image, bigTable * SECTOR);
  folder.copy(image, root * SECTOR);
  for (const { data, extent } of placed) data.copy(image, extent * SECTOR);
  return image;
}

const PATH_TABLE_BYTES = 10;

/** The root folder alone (ECMA-119 9.4). */
function pathTable(root: number, bigEndian: boolean): Buffer {
  const table = Buffer.alloc(PATH_TABLE_BYTES);
  table.writeUInt8(1, 0);
  if (bigEndian) {
    table.writeUInt32BE(root, 2);
    table.writeUInt16BE(1, 6);
  } else {
    table.writeUInt32LE(root, 2);
    table.writeUInt16LE(1, 6);
  }
  return table;
}

/** ECMA-119 8.4. */
function primaryDescriptor(fields: {
  volumeId: string;
  sectors: number;
  littleTable: number;
  bigTable: number;
  root: Buffer;
}): Buffer {
  const buffer = Buffer.alloc(SECTOR);
  buffer.write("\u0001CD001\u0001", 0, "latin1");
  buffer.write(padded("LINUX", 32), 8, "latin1");
  buffer.write(padded(fields.volumeId, 32), 40, "latin1");
  both32(buffer, fields.sectors, 80);
  both16(buffer, 1, 120);
  both16(buffer, 1, 124);
  both16(buffer, SECTOR, 128);
  both32(buffer, PATH_TABLE_BYTES, 132);
  buffer.writeUInt32LE(fields.littleTable, 140);
  buffer.writeUInt32BE(fields.bigTable, 148);
  fields.root.copy(buffer, 156);
  for (const [at, length] of [
    [190, 128],
    [318, 128],
    [446, 128],
    [574, 128],
    [702, 37],
    [739, 37],
    [776, 37],
  ] as const)
    buffer.write(padded("", length), at, "latin1");
  LONG_TIME.copy(buffer, 813);
  LONG_TIME.copy(buffer, 830);
  NO_TIME.copy(buffer, 847);
  NO_TIME.copy(buffer, 864);
  buffer.writeUInt8(1, 881);
  return buffer;
}

/** The files of an image that `writeIso` made, or undefined when it is damaged or somebody else's. */
export function readIso(image: Buffer): IsoFile[] | undefined {
  const descriptor = image.subarray(DESCRIPTOR * SECTOR, (DESCRIPTOR + 1) * SECTOR);
  if (descriptor.toString("latin1", 1, 6) !== "CD001") return undefined;
  const start = descriptor.readUInt32LE(158) * SECTOR;
  const files: IsoFile[] = [];
  for (let at = start; at < start + SECTOR; ) {
    const size = image[at] ?? 0;
    if (size === 0) break;
    const entry = image.subarray(at, at + size);
    at += size;
    const isDirectory = ((entry[25] ?? 0) & 2) !== 0;
    if (entry.length < 33 || isDirectory) continue;
    const name = alternateName(entry);
    const extent = entry.readUInt32LE(2) * SECTOR;
    const length = entry.readUInt32LE(10);
    if (name === undefined || extent + length > image.length) return undefined;
    files.push({ name, data: image.subarray(extent, extent + length) });
  }
  return files;
}

function alternateName(entry: Buffer): string | undefined {
  const nameEnd = 33 + (entry[32] ?? 0);
  for (let at = nameEnd + (nameEnd % 2); at + 4 < entry.length; ) {
    const length = entry[at + 2] ?? 0;
    if (length < 4) return undefined;
    if (entry.toString("latin1", at, at + 2) === "NM") return entry.toString("latin1", at + 5, at + length);
    at += length;
  }
  return undefined;
}
