import * as fs from "node:fs";

/** A new name in a folder outlives a power cut only when the folder itself is on the disk. */
export function fsyncFolder(folder: string): void {
  const handle = fs.openSync(folder, "r");
  try {
    fs.fsyncSync(handle);
  } finally {
    fs.closeSync(handle);
  }
}
