import * as fs from "node:fs";

/**
 * The head of a qcow2 file, written and read: enough for an empty image that other tools accept, and to learn the size
 * of one that was uploaded. Format: qemu's docs/interop/qcow2.txt.
 */

const MAGIC = 0x514649fb;
const CLUSTER_BITS = 16;
const CLUSTER = 1 << CLUSTER_BITS;
const HEADER_BYTES = 104;
/** Format names by the header extension that carries them. */
const BACKING_FORMAT = 0xe2792aca;

export interface Qcow2Head {
  capacity: bigint;
  backing?: string;
  backingFormat?: string;
}

/** An image in which nothing is allocated. Clusters: head, refcount table, refcount block, first-level table. */
export function emptyQcow2(head: Qcow2Head): Buffer {
  const tableEntries = Number((head.capacity + BigInt(CLUSTER * 8192) - 1n) / BigInt(CLUSTER * 8192));
  const tableClusters = Math.max(1, Math.ceil((tableEntries * 8) / CLUSTER));
  const image = Buffer.alloc(3 * CLUSTER + Math.max(8, tableEntries * 8));
  const name = Buffer.from(head.backing ?? "", "utf8");
  const extension = formatExtension(head.backingFormat);
  const nameOffset = HEADER_BYTES + extension.length + 8;
  image.writeUInt32BE(MAGIC, 0);
  image.writeUInt32BE(3, 4);
  if (name.length > 0) {
    image.writeBigUInt64BE(BigInt(nameOffset), 8);
    image.writeUInt32BE(name.length, 16);
  }
  image.writeUInt32BE(CLUSTER_BITS, 20);
  image.writeBigUInt64BE(head.capacity, 24);
  image.writeUInt32BE(tableEntries, 36);
  image.writeBigUInt64BE(BigInt(3 * CLUSTER), 40);
  image.writeBigUInt64BE(BigInt(CLUSTER), 48);
  image.writeUInt32BE(1, 56);
  image.writeUInt32BE(4, 96); // 16-bit reference counts
  image.writeUInt32BE(HEADER_BYTES, 100);
  extension.copy(image, HEADER_BYTES);
  name.copy(image, nameOffset);
  image.writeBigUInt64BE(BigInt(2 * CLUSTER), CLUSTER);
  for (let cluster = 0; cluster < 3 + tableClusters; cluster++) {
    image.writeUInt16BE(1, 2 * CLUSTER + cluster * 2);
  }
  return image;
}

function formatExtension(format: string | undefined): Buffer {
  if (format === undefined) return Buffer.alloc(0);
  const text = Buffer.from(format);
  const extension = Buffer.alloc(8 + Math.ceil(text.length / 8) * 8);
  extension.writeUInt32BE(BACKING_FORMAT, 0);
  extension.writeUInt32BE(text.length, 4);
  text.copy(extension, 8);
  return extension;
}

/** What the first bytes of a file say; undefined when it is no qcow2. */
export function readQcow2(start: Buffer): Qcow2Head | undefined {
  if (start.length < 72 || start.readUInt32BE(0) !== MAGIC) return undefined;
  const head: Qcow2Head = { capacity: start.readBigUInt64BE(24) };
  const offset = Number(start.readBigUInt64BE(8));
  const length = start.readUInt32BE(16);
  if (offset > 0 && length > 0 && offset + length <= start.length) {
    head.backing = start.subarray(offset, offset + length).toString("utf8");
  }
  if (start.readUInt32BE(4) < 3) return head;
  let at = start.readUInt32BE(100);
  while (at + 8 <= start.length) {
    const [type, bytes] = [start.readUInt32BE(at), start.readUInt32BE(at + 4)];
    if (type === 0) break;
    if (type === BACKING_FORMAT) head.backingFormat = start.subarray(at + 8, at + 8 + bytes).toString("utf8");
    at += 8 + Math.ceil(bytes / 8) * 8;
  }
  return head;
}

/**
 * Put something at the very start of an image of ours in which nothing is allocated yet: a second-level table and a
 * data cluster at the end of the file, both counted.
 */
export function writeFirstCluster(handle: number, head: Buffer, content: Buffer): void {
  const cluster = 1 << head.readUInt32BE(20);
  const first = Number(head.readBigUInt64BE(40));
  const entry = Buffer.alloc(8);
  fs.readSync(handle, entry, 0, 8, first);
  if (entry.readBigUInt64BE() !== 0n) return;
  const next = Math.ceil(fs.fstatSync(handle).size / cluster);
  const [table, data] = [next * cluster, (next + 1) * cluster];
  const clusters = Buffer.alloc(2 * cluster);
  clusters.writeBigUInt64BE(BigInt(data) | COPIED, 0);
  content.copy(clusters, cluster);
  fs.writeSync(handle, clusters, 0, clusters.length, table);
  fs.readSync(handle, entry, 0, 8, Number(head.readBigUInt64BE(48)));
  const counts = Buffer.from([0, 1, 0, 1]);
  fs.writeSync(handle, counts, 0, 4, Number(entry.readBigUInt64BE()) + next * 2);
  entry.writeBigUInt64BE(BigInt(table) | COPIED);
  fs.writeSync(handle, entry, 0, 8, first);
}

/** Used by nobody else: written to in place. */
const COPIED = 1n << 63n;
