import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { isAlive } from "../providers/core/processes";
import { isEngine, processOf } from "./engine-process";
import { backendFolder, isFileBackend, PROJECT } from "./file-backend";

/** What Pulumi's file backend writes into a lock (pkg/backend/diy/lock.go). */
interface LockContent {
  pid: number;
  username: string;
  hostname: string;
  timestamp: string;
}

export interface DeadLock extends LockContent {
  file: string;
}

/**
 * Locks of a stack whose process is dead, of this host only: nobody can tell from here whether another host's lives.
 * Only the file backend has such locks on disk.
 */
export function deadLocks(
  backendUrl: string,
  stack: string,
  host = os.hostname(),
  hasOwner = isAtWork,
): DeadLock[] {
  if (!isFileBackend(backendUrl)) return [];
  const locks = locksOf(backendUrl, stack);
  return locks.every((lock) => lock.hostname === host && !hasOwner(lock.pid)) ? locks : [];
}

/** Is a run at work on the stack, as far as can be seen from here? Or was one, that died. */
export const isLocked = (backendUrl: string, stack: string): boolean =>
  isFileBackend(backendUrl) && locksOf(backendUrl, stack).length > 0;

function locksOf(backendUrl: string, stack: string): DeadLock[] {
  const folder = path.join(backendFolder(backendUrl), ".pulumi", "locks", "organization", PROJECT, stack);
  if (!fs.existsSync(folder)) return [];
  return fs
    .readdirSync(folder)
    .filter((name) => name.endsWith(".json"))
    .flatMap((name) => readLock(path.join(folder, name)));
}

/** A pid may have been given to another program since; a lock's owner is an engine. */
function isAtWork(pid: number): boolean {
  const owner = processOf(pid);
  return isAlive(pid) && (!owner || isEngine(owner.name));
}

function readLock(file: string): DeadLock[] {
  try {
    return [{ ...(JSON.parse(fs.readFileSync(file, "utf8")) as LockContent), file }];
  } catch {
    return []; // removed or half-written in this very moment: not dead
  }
}
