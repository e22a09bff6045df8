import * as fs from "node:fs";

/**
 * VirtualBox's own disk format: a head, a table of 1 MiB blocks, and the blocks that were written. Real enough that the
 * real VBoxManage reads these files. Layout: include/VBox/vd.h and src/VBox/Storage/VDICore.h, version 1.1.
 */

const SIGNATURE = 0xbeda107f;
const BLOCK = 1024 * 1024;
const BLOCKS_AT = 1024 * 1024;
const FREE = 0xffffffff;
/** Offsets in the head. */
const AT = {
  signature: 0x40,
  version: 0x44,
  headBytes: 0x48,
  type: 0x4c,
  blocks: 0x154,
  data: 0x158,
  sector: 0x168,
  capacity: 0x170,
  blockBytes: 0x178,
  blockCount: 0x180,
  allocated: 0x184,
  uuid: 0x188,
  modified: 0x198,
  parent: 0x1a8,
  parentModified: 0x1b8,
  sector2: 0x1d4,
} as const;
const TYPES = { dynamic: 1, fixed: 2, differencing: 4 } as const;

export interface VdiHead {
  uuid: string;
  parent?: string;
  capacity: number;
  variant: keyof typeof TYPES;
  /** Blocks that hold something. */
  allocated: number;
}

export function createVdi(file: string, head: Omit<VdiHead, "allocated">): void {
  const count = Math.ceil(head.capacity / BLOCK);
  const dataAt = roundUp(BLOCKS_AT + count * 4);
  const fixed = head.variant === "fixed";
  const buffer = Buffer.alloc(1024);
  buffer.write("<<< Oracle VirtualBox Disk Image >>>\n", 0, "latin1");
  buffer.writeUInt32LE(SIGNATURE, AT.signature);
  buffer.writeUInt32LE(0x00010001, AT.version);
  buffer.writeUInt32LE(0x190, AT.headBytes);
  buffer.writeUInt32LE(TYPES[head.variant], AT.type);
  buffer.writeUInt32LE(BLOCKS_AT, AT.blocks);
  buffer.writeUInt32LE(dataAt, AT.data);
  buffer.writeUInt32LE(512, AT.sector);
  buffer.writeBigUInt64LE(BigInt(head.capacity), AT.capacity);
  buffer.writeUInt32LE(BLOCK, AT.blockBytes);
  buffer.writeUInt32LE(count, AT.blockCount);
  buffer.writeUInt32LE(fixed ? count : 0, AT.allocated);
  writeUuid(buffer, AT.uuid, head.uuid);
  if (head.parent) writeUuid(buffer, AT.parent, head.parent);
  buffer.writeUInt32LE(512, AT.sector2);
  const table = Buffer.alloc(count * 4, 0xff);
  if (fixed) for (let block = 0; block < count; block++) table.writeUInt32LE(block, block * 4);
  const handle = fs.openSync(file, "wx", 0o600);
  try {
    fs.writeSync(handle, buffer, 0, buffer.length, 0);
    fs.writeSync(handle, table, 0, table.length, BLOCKS_AT);
    fs.ftruncateSync(handle, dataAt + (fixed ? count * BLOCK : 0));
  } finally {
    fs.closeSync(handle);
  }
}

/** Undefined when the file is no VDI. */
export function readVdi(file: string): VdiHead | undefined {
  const head = readHead(file);
  if (!head) return undefined;
  const type = head.readUInt32LE(AT.type);
  const variant = (Object.keys(TYPES) as (keyof typeof TYPES)[]).find((name) => TYPES[name] === type);
  const parent = readUuid(head, AT.parent);
  return {
    uuid: readUuid(head, AT.uuid),
    capacity: Number(head.readBigUInt64LE(AT.capacity)),
    variant: variant ?? "dynamic",
    allocated: head.readUInt32LE(AT.allocated),
    ...(/^[0-]*$/.test(parent) ? {} : { parent }),
  };
}

export function setVdiUuid(file: string, uuid: string): void {
  patch(file, AT.uuid, (field) => writeUuid(field, 0, uuid), 16);
}

/** Grow: more blocks in the table, which may push the data away. */
export function growVdi(file: string, capacity: number): void {
  const head = readHead(file);
  if (!head) throw new Error(`${file} is no VDI`);
  const count = Math.ceil(capacity / BLOCK);
  const before = head.readUInt32LE(AT.blockCount);
  const dataAt = head.readUInt32LE(AT.data);
  const wanted = Math.max(dataAt, roundUp(BLOCKS_AT + count * 4));
  const handle = fs.openSync(file, "r+");
  try {
    if (wanted > dataAt) {
      const end = fs.fstatSync(handle).size;
      for (let from = end - BLOCK; from >= dataAt; from -= BLOCK) {
        const block = Buffer.alloc(BLOCK);
        fs.readSync(handle, block, 0, BLOCK, from);
        fs.writeSync(handle, block, 0, BLOCK, from + wanted - dataAt);
      }
      if (end <= dataAt) fs.ftruncateSync(handle, wanted);
    }
    const more = Buffer.alloc(Math.max(0, count - before) * 4, 0xff);
    fs.writeSync(handle, more, 0, more.length, BLOCKS_AT + before * 4);
    head.writeUInt32LE(wanted, AT.data);
    head.writeUInt32LE(count, AT.blockCount);
    head.writeBigUInt64LE(BigInt(capacity), AT.capacity);
    fs.writeSync(handle, head, 0, head.length, 0);
  } finally {
    fs.closeSync(handle);
  }
}

/** One block of 1 MiB; undefined when nothing was ever written to it. */
export function readBlock(file: string, block: number): Buffer | undefined {
  const head = readHead(file);
  if (!head || block >= head.readUInt32LE(AT.blockCount)) return undefined;
  const handle = fs.openSync(file, "r");
  try {
    const place = placeOf(handle, block);
    if (place === FREE) return undefined;
    const content = Buffer.alloc(BLOCK);
    fs.readSync(handle, content, 0, BLOCK, head.readUInt32LE(AT.data) + place * BLOCK);
    return content;
  } finally {
    fs.closeSync(handle);
  }
}

/** Numbers of the blocks that were written. */
export function blocksOf(file: string): number[] {
  const head = readHead(file);
  if (!head) return [];
  const table = Buffer.alloc(head.readUInt32LE(AT.blockCount) * 4);
  const handle = fs.openSync(file, "r");
  try {
    fs.readSync(handle, table, 0, table.length, BLOCKS_AT);
  } finally {
    fs.closeSync(handle);
  }
  const found: number[] = [];
  for (let block = 0; block * 4 < table.length; block++)
    if (table.readUInt32LE(block * 4) < FREE - 1) found.push(block);
  return found;
}

export function writeBlock(file: string, block: number, content: Buffer): void {
  const head = readHead(file);
  if (!head) throw new Error(`${file} is no VDI`);
  const handle = fs.openSync(file, "r+");
  try {
    let place = placeOf(handle, block);
    const dataAt = head.readUInt32LE(AT.data);
    if (place === FREE) {
      place = head.readUInt32LE(AT.allocated);
      const entry = Buffer.alloc(4);
      entry.writeUInt32LE(place);
      fs.writeSync(handle, entry, 0, 4, BLOCKS_AT + block * 4);
      entry.writeUInt32LE(place + 1);
      fs.writeSync(handle, entry, 0, 4, AT.allocated);
    }
    const padded = Buffer.alloc(BLOCK);
    content.copy(padded);
    fs.writeSync(handle, padded, 0, BLOCK, dataAt + place * BLOCK);
  } finally {
    fs.closeSync(handle);
  }
}

export const BLOCK_BYTES = BLOCK;

function placeOf(handle: number, block: number): number {
  const entry = Buffer.alloc(4);
  fs.readSync(handle, entry, 0, 4, BLOCKS_AT + block * 4);
  return entry.readUInt32LE();
}

function readHead(file: string): Buffer | undefined {
  const handle = fs.openSync(file, "r");
  try {
    const head = Buffer.alloc(1024);
    const read = fs.readSync(handle, head, 0, head.length, 0);
    return read >= 512 && head.readUInt32LE(AT.signature) === SIGNATURE ? head : undefined;
  } finally {
    fs.closeSync(handle);
  }
}

function patch(file: string, at: number, write: (field: Buffer) => void, bytes: number): void {
  const field = Buffer.alloc(bytes);
  write(field);
  const handle = fs.openSync(file, "r+");
  try {
    fs.writeSync(handle, field, 0, bytes, at);
  } finally {
    fs.closeSync(handle);
  }
}

const roundUp = (bytes: number): number => Math.ceil(bytes / BLOCK) * BLOCK;

/** The first three fields of a UUID are little-endian on disk. */
function swap(bytes: Buffer): Buffer {
  const out = Buffer.from(bytes);
  out.subarray(0, 4).reverse();
  out.subarray(4, 6).reverse();
  out.subarray(6, 8).reverse();
  return out;
}
function writeUuid(buffer: Buffer, at: number, uuid: string): void {
  swap(Buffer.from(uuid.replaceAll("-", ""), "hex")).copy(buffer, at);
}
function readUuid(buffer: Buffer, at: number): string {
  const hex = swap(buffer.subarray(at, at + 16)).toString("hex");
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, "$1-$2-$3-$4-$5");
}
