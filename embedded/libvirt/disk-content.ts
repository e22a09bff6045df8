import * as fs from "node:fs";
import { readQcow2, writeFirstCluster } from "./qcow2";

const SECTOR = 512;

/** Whether nothing was ever written to a disk, so that no firmware would boot from it. */
export function isBlank(file: string): boolean {
  const handle = fs.openSync(file, "r");
  try {
    const start = Buffer.alloc(4096);
    fs.readSync(handle, start, 0, start.length, 0);
    const head = readQcow2(start);
    if (!head) return start.subarray(0, SECTOR).every((byte) => byte === 0);
    if (head.backing !== undefined) return false;
    const table = Buffer.alloc(8);
    // The first entry of the first-level table: what is not zero has been written to.
    fs.readSync(handle, table, 0, 8, Number(start.readBigUInt64BE(40)));
    return table.readBigUInt64BE() === 0n;
  } catch {
    return true;
  } finally {
    fs.closeSync(handle);
  }
}

/** An operating system is on it from now on. */
export function installOn(file: string): void {
  const sector = Buffer.alloc(SECTOR);
  sector.write("labplan: installed in the embedded lab", 3, "latin1");
  sector.writeUInt16BE(0x55aa, SECTOR - 2);
  const handle = fs.openSync(file, "r+");
  try {
    const start = Buffer.alloc(4096);
    fs.readSync(handle, start, 0, start.length, 0);
    if (readQcow2(start)) writeFirstCluster(handle, start, sector);
    else fs.writeSync(handle, sector, 0, SECTOR, 0);
  } finally {
    fs.closeSync(handle);
  }
}
