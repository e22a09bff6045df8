import type { ChildProcess } from "node:child_process";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

/** What every system does that runs in namespaces of its own, with `unshare` as our child. */

/** Pid, as seen from here, of the first process of the namespaces; 0 while there is none. */
export function firstInside(unshare: ChildProcess): number {
  const children = readFileSync(`/proc/${unshare.pid}/task/${unshare.pid}/children`, "utf8");
  return Number(children.trim().split(" ")[0]);
}

/** End everything in the namespaces, and wait until it is gone. */
export async function end(unshare: ChildProcess): Promise<void> {
  if (unshare.exitCode !== null || unshare.signalCode !== null) return;
  const inside = firstInside(unshare);
  const exited = new Promise((resolve) => unshare.once("exit", resolve));
  unshare.kill("SIGKILL");
  await exited;
  // The kernel takes the rest of the pid namespace down with its first process.
  for (let tries = 0; inside > 0 && existsSync(`/proc/${inside}`) && tries < 500; tries++) await sleep(10);
}

/** A temporary folder that `sweep` knows to be in use for as long as this process lives. */
export function ownFolder(prefix: string): string {
  const folder = mkdtempSync(join(tmpdir(), prefix));
  writeFileSync(join(folder, "owner"), `${process.pid}`);
  return folder;
}

/** Remove the folders of test runs that were killed: their processes are gone already. */
export function sweep(prefix: string): void {
  for (const name of readdirSync(tmpdir())) {
    if (!name.startsWith(prefix)) continue;
    const folder = join(tmpdir(), name);
    let owner = "";
    try {
      owner = readFileSync(join(folder, "owner"), "utf8");
    } catch {
      continue; // being made, or swept by another
    }
    if (existsSync(`/proc/${owner}`)) continue;
    try {
      rmSync(folder, { recursive: true, force: true });
    } catch {
      // Another test run sweeps it at the same moment, or its last process is still ending.
    }
  }
}
