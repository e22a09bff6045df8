import * as fs from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { LabError } from "../providers/core/errors";

/**
 * When a process started, in the system's own words: with its id it names a process for good. Undefined where there is
 * no such process, or no way to know.
 */
export function startOf(pid: number): string | undefined {
  try {
    const stat = fs.readFileSync(`/proc/${pid}/stat`, "utf8");
    // The name in parentheses may hold anything; field 22 counts from behind it.
    return stat.slice(stat.lastIndexOf(")") + 2).split(" ")[19];
  } catch {
    return undefined;
  }
}

function isAlive(pid: number, started: string | undefined): boolean {
  try {
    process.kill(pid, 0);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ESRCH") return false;
  }
  const now = startOf(pid);
  return now === undefined || started === undefined || now === started;
}

/** Do `work` while no other process of this user does it. A lock whose owner died is taken over. */
export async function withLock<T>(file: string, deadlineMs: number, work: () => Promise<T>): Promise<T> {
  const content = JSON.stringify({ pid: process.pid, started: startOf(process.pid) });
  const own = `${file}.${process.pid}.${Math.random().toString(36).slice(2)}`;
  fs.writeFileSync(own, content, { mode: 0o600 });
  try {
    for (const end = Date.now() + deadlineMs; !tryLink(own, file); ) {
      breakDead(file);
      if (Date.now() > end) {
        throw new LabError(
          `embedded lab: another process has been starting it for ${deadlineMs / 1000} s (${file})`,
        );
      }
      await sleep(15);
    }
  } finally {
    fs.rmSync(own, { force: true });
  }
  try {
    return await work();
  } finally {
    fs.rmSync(file, { force: true });
  }
}

/** Hard links are made or not, at once, and never over another. */
export function tryLink(own: string, file: string): boolean {
  try {
    fs.linkSync(own, file);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "EEXIST") return false;
    throw error;
  }
}

/** Take a dead owner's lock away; if it was exchanged meanwhile, put the new one back. */
export function breakDead(file: string): void {
  const read = (of: string): { pid: number; started?: string } | undefined => {
    try {
      return JSON.parse(fs.readFileSync(of, "utf8")) as { pid: number; started?: string };
    } catch {
      return undefined;
    }
  };
  const owner = read(file);
  if (!owner || isAlive(owner.pid, owner.started)) return;
  const aside = `${file}.${process.pid}.dead`;
  try {
    fs.renameSync(file, aside);
  } catch {
    return;
  }
  const moved = read(aside);
  if (moved && isAlive(moved.pid, moved.started)) tryLink(aside, file);
  fs.rmSync(aside, { force: true });
}
