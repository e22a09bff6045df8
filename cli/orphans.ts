import * as fs from "node:fs";
import { isEngine, type Process, processOf } from "./engine-process";

const POLL_MS = 100;

/**
 * Wait until no provider process of this project is left whose engine is gone. Ours stop within a second by
 * themselves; after `limitMs` their pids are returned. The OpenStack plugin would go on for minutes, with requests
 * that nobody hears of: it is ended, and what it has asked for already is looked for in the cloud. Only where it has
 * lost its parent for sure: one that somebody started by hand (PULUMI_DEBUG_PROVIDERS) is named as well.
 */
export async function waitForOrphans(root: string, limitMs = 15_000): Promise<number[]> {
  const deadline = Date.now() + limitMs;
  for (;;) {
    for (const pid of providersOf(root, PLUGIN)) if (whatIsAbove(pid) === "nobody") end(pid);
    const left = [...providersOf(root, OURS), ...providersOf(root, PLUGIN)].filter(
      (pid) => whatIsAbove(pid) !== "engine",
    );
    if (left.length === 0 || Date.now() > deadline) return left;
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
}

/** Can a provider process that outlived its run be seen here at all? Linux only. */
export const canSeeProcesses = (): boolean => fs.existsSync("/proc/self/cwd");

const OURS = /cmd\/dynamic-provider/;
const PLUGIN = /^[^\0]*pulumi-resource-openstack\0/;

function end(pid: number): void {
  try {
    process.kill(pid, "SIGKILL");
  } catch {
    // It ended by itself in the meantime.
  }
}

/** Processes of a provider with this project as working directory. */
function providersOf(root: string, program: RegExp): number[] {
  if (!canSeeProcesses()) return [];
  return fs
    .readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .filter((pid) => isProviderOf(root, program, pid));
}

function isProviderOf(root: string, program: RegExp, pid: number): boolean {
  try {
    const command = fs.readFileSync(`/proc/${pid}/cmdline`, "utf8");
    return program.test(command) && fs.readlinkSync(`/proc/${pid}/cwd`) === fs.realpathSync(root);
  } catch {
    return false;
  }
}

/**
 * `nobody`: its parent died, so that pid 1 has it, or the manager of a user's session (`systemd --user`).
 * `somebody`: another parent lives, or cannot be seen, and no engine is among those above that can.
 */
export function whatIsAbove(
  pid: number,
  look: (pid: number) => Process | undefined = processOf,
): "engine" | "nobody" | "somebody" {
  const own = look(pid);
  if (!own) return "somebody";
  const above: (Process | undefined)[] = [];
  for (let at = own.parent; at > 0; at = above.at(-1)?.parent ?? 0) above.push(look(at));
  if (above.some((one) => one && isEngine(one.name))) return "engine";
  return own.parent === 1 || above[0]?.name === "systemd" ? "nobody" : "somebody";
}
