import * as fs from "node:fs";

const POLL_MS = 100;

/**
 * Wait until no provider process of this project is left whose engine is gone. Ours stop within a second by
 * themselves; after `limitMs` their pids are returned. The OpenStack plugin would go on for minutes, with requests
 * that nobody hears of: it is ended, and what it has asked for already is looked for in the cloud.
 */
export async function waitForOrphans(root: string, limitMs = 15_000): Promise<number[]> {
  const deadline = Date.now() + limitMs;
  for (;;) {
    for (const pid of orphans(root, PLUGIN)) end(pid);
    const left = [...orphans(root, OURS), ...orphans(root, PLUGIN)];
    if (left.length === 0 || Date.now() > deadline) return left;
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
}

const OURS = /cmd\/dynamic-provider/;
const PLUGIN = /^[^\0]*pulumi-resource-openstack\0/;

function end(pid: number): void {
  try {
    process.kill(pid, "SIGKILL");
  } catch {
    // It ended by itself in the meantime.
  }
}

/** Provider processes with this project as working directory and no engine above them. Linux only; elsewhere none. */
function orphans(root: string, program: RegExp): number[] {
  if (!fs.existsSync("/proc/self/cwd")) return [];
  return fs
    .readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .filter((pid) => isProviderOf(root, program, pid) && !hasEngineAbove(pid));
}

function isProviderOf(root: string, program: RegExp, pid: number): boolean {
  try {
    const command = fs.readFileSync(`/proc/${pid}/cmdline`, "utf8");
    return program.test(command) && fs.readlinkSync(`/proc/${pid}/cwd`) === fs.realpathSync(root);
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
