import * as fs from "node:fs";

/**
 * When a process started, in the system's own words: with its id it names a process for good. Undefined where there is
 * no such process, or no way to know.
 */
export const startOf = (pid: number): string | undefined => statOf(pid)?.started;

/**
 * Is this process at work? One that ended is not, though it stays listed until its parent has asked for how, which
 * pid 1 of many a container never does. With `started` (of `startOf`) it has to be the same one still. One that cannot
 * be looked at is taken to be alive.
 */
export function isAlive(pid: number, started?: string): boolean {
  try {
    process.kill(pid, 0);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ESRCH") return false;
  }
  const now = statOf(pid);
  if (!now) return true;
  return !/[ZX]/.test(now.state) && (started === undefined || now.started === started);
}

/** Of /proc/<pid>/stat (proc_pid_stat(5)): fields 3 and 22. */
function statOf(pid: number): { state: string; started: string } | undefined {
  try {
    const stat = fs.readFileSync(`/proc/${pid}/stat`, "utf8");
    // The name in parentheses may hold anything; the fields count from behind it.
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    const [state, started] = [fields[0], fields[19]];
    return state === undefined || started === undefined ? undefined : { state, started };
  } catch {
    return undefined;
  }
}
