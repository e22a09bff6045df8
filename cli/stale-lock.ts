import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { fileURLToPath } from "node:url";

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

const PROJECT = "labplan";

/**
 * Locks of a stack whose process is dead, of this host only: nobody can tell from here whether another host's lives.
 * Only the file backend has such locks on disk.
 */
export function deadLocks(
  backendUrl: string,
  stack: string,
  host = os.hostname(),
  isAlive = alive,
): DeadLock[] {
  if (!backendUrl.startsWith("file://")) return [];
  const folder = path.join(backendFolder(backendUrl), ".pulumi", "locks", "organization", PROJECT, stack);
  if (!fs.existsSync(folder)) return [];
  const locks = fs
    .readdirSync(folder)
    .filter((name) => name.endsWith(".json"))
    .flatMap((name) => readLock(path.join(folder, name)));
  return locks.every((lock) => lock.hostname === host && !isAlive(lock.pid)) ? locks : [];
}

/** A pid may have been given to another program since; a lock's owner is always called pulumi. */
function alive(pid: number): boolean {
  try {
    process.kill(pid, 0);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
  const comm = `/proc/${pid}/comm`;
  return !fs.existsSync(comm) || fs.readFileSync(comm, "utf8").trim() === "pulumi";
}

function backendFolder(url: string): string {
  if (url.startsWith("file://~")) return path.join(os.homedir(), url.slice("file://~".length));
  return url.startsWith("file:///") ? fileURLToPath(url) : path.resolve(url.slice("file://".length));
}

function readLock(file: string): DeadLock[] {
  try {
    return [{ ...(JSON.parse(fs.readFileSync(file, "utf8")) as LockContent), file }];
  } catch {
    return []; // removed or half-written in this very moment: not dead
  }
}

const POLL_MS = 100;

/**
 * Wait until no provider process of this project is left whose engine is gone. Such a one stops within a second by
 * itself; after `limitMs` its pids are returned.
 */
export async function waitForOrphans(root: string, limitMs = 15_000): Promise<number[]> {
  const deadline = Date.now() + limitMs;
  for (;;) {
    const left = orphans(root);
    if (left.length === 0 || Date.now() > deadline) return left;
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
}

/** Provider processes with this project as working directory and no engine above them. Linux only; elsewhere none. */
function orphans(root: string): number[] {
  if (!fs.existsSync("/proc/self/cwd")) return [];
  return fs
    .readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .filter((pid) => isProviderOf(root, pid) && !hasEngineAbove(pid));
}

function isProviderOf(root: string, pid: number): boolean {
  try {
    const command = fs.readFileSync(`/proc/${pid}/cmdline`, "utf8");
    return (
      /cmd\/dynamic-provider/.test(command) && fs.readlinkSync(`/proc/${pid}/cwd`) === fs.realpathSync(root)
    );
  } catch {
    return false;
  }
}

function hasEngineAbove(pid: number): boolean {
  for (let current = pid, depth = 0; current > 1 && depth < 5; depth++) {
    try {
      const status = fs.readFileSync(`/proc/${current}/status`, "utf8");
      if (/^Name:\tpulumi$/m.test(status)) return true;
      current = Number(/^PPid:\t(\d+)$/m.exec(status)?.[1] ?? 0);
    } catch {
      return false;
    }
  }
  return false;
}
