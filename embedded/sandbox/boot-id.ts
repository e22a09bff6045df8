import * as fs from "node:fs";
import * as path from "node:path";

const INSIDE = "proc/sys/kernel/random";

/**
 * Another one for each boot, where Linux has it. In name spaces it is laid over the kernel's own, from a file that
 * init.sh finds beside the root folder; without them /proc is a plain folder.
 */
export function writeBootId(folder: string, id: string): void {
  fs.writeFileSync(path.join(folder, "boot-id"), `${id}\n`, { mode: 0o644 });
  const at = path.join(folder, "root", INSIDE);
  // Not through a link that a guest may have put there.
  fs.rmSync(path.join(folder, "root/proc"), { recursive: true, force: true });
  fs.mkdirSync(at, { recursive: true, mode: 0o755 });
  fs.writeFileSync(path.join(at, "boot_id"), `${id}\n`);
}
