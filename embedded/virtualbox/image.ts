import * as fs from "node:fs";
import { readQcow2 } from "../libvirt/qcow2";
import { BLOCK_BYTES, readVdi } from "./vdi";

/** What a file on disk is, told by its first or last bytes. */
export interface Image {
  format: "VDI" | "VMDK" | "VHD" | "QCOW" | "RAW";
  /** Bytes that a guest sees. */
  capacity: number;
  /** VDI only. */
  uuid?: string;
  parent?: string;
  variant: "dynamic" | "fixed" | "differencing";
}

const PROBE_BYTES = 64 * 1024;

export function probe(file: string): Image {
  const vdi = readVdi(file);
  if (vdi) {
    const { uuid, parent, capacity, variant } = vdi;
    return { format: "VDI", uuid, capacity, variant, ...(parent && { parent }) };
  }
  const handle = fs.openSync(file, "r");
  try {
    const { size } = fs.fstatSync(handle);
    const start = Buffer.alloc(Math.min(PROBE_BYTES, size));
    fs.readSync(handle, start, 0, start.length, 0);
    const qcow2 = readQcow2(start);
    if (qcow2) return { format: "QCOW", capacity: Number(qcow2.capacity), variant: "dynamic" };
    if (start.length > 20 && start.toString("latin1", 0, 4) === "KDMV") {
      return { format: "VMDK", capacity: Number(start.readBigUInt64LE(12)) * 512, variant: "dynamic" };
    }
    const foot = Buffer.alloc(512);
    if (size >= 512) fs.readSync(handle, foot, 0, 512, size - 512);
    if (foot.toString("latin1", 0, 8) === "conectix") {
      return { format: "VHD", capacity: Number(foot.readBigUInt64BE(48)), variant: "dynamic" };
    }
    return { format: "RAW", capacity: size, variant: "fixed" };
  } finally {
    fs.closeSync(handle);
  }
}

/**
 * The content of a file that is no VDI, in blocks. What is inside a format of others is not unpacked: nothing reads it
 * but the question whether there is anything.
 */
export async function* foreignBlocks(file: string): AsyncGenerator<[number, Buffer]> {
  const handle = await fs.promises.open(file, "r");
  try {
    const content = Buffer.alloc(BLOCK_BYTES);
    for (let block = 0; ; block++) {
      const { bytesRead } = await handle.read(content, 0, BLOCK_BYTES, block * BLOCK_BYTES);
      if (bytesRead === 0) return;
      const piece = content.subarray(0, bytesRead);
      if (!piece.every((byte) => byte === 0)) yield [block, Buffer.from(piece)];
    }
  } finally {
    await handle.close();
  }
}
