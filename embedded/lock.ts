import * as fs from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { LabError } from "../providers/core/errors";
import { isAlive, startOf } from "../providers/core/processes";

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
