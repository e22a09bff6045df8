import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import {
  accessSync,
  closeSync,
  constants,
  existsSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

/** What every system does that runs in namespaces of its own, with `unshare` as our child. */

export interface Namespaces {
  /** Options of unshare and nsenter: `-n` network, `-u` host name, `-m` mounts, `-p` processes. */
  kinds: readonly ("-n" | "-u" | "-m" | "-p")[];
}

const unshareOptions = ({ kinds }: Namespaces): string[] => [...kinds, "-f", "--mount-proc"];

/** Undefined when a system can be run in such namespaces here, else the reason why not. */
export function whyNotInside(
  namespaces: Namespaces,
  {
    what,
    tools,
    installer,
    trial,
  }: { what: string; tools: readonly string[]; installer?: string; trial?: Trial },
): string | undefined {
  if (process.platform !== "linux") return `${what} needs Linux`;
  for (const path of tools) {
    try {
      accessSync(path, constants.X_OK);
    } catch {
      return `${path} is not installed${installer ? `; ${installer} installs it` : ""}`;
    }
  }
  if (process.getuid?.() !== 0) return "needs root, for namespaces of its own";
  try {
    const argv = trial ? ["sh", "-c", trial.script] : ["true"];
    execFileSync("/usr/bin/unshare", [...unshareOptions(namespaces), ...argv], { stdio: "pipe" });
  } catch {
    return trial?.refused ?? "this container may not make namespaces (CAP_SYS_ADMIN)";
  }
  return undefined;
}

/** What must work in the namespaces, and what it means when it does not. */
interface Trial {
  script: string;
  refused: string;
}

export interface Inside {
  child: ChildProcess;
  /** Of the first process inside, as seen from here. */
  pid: number;
  /** Ends all that is inside, and removes the folder. */
  stop(): Promise<void>;
}

export interface StartOptions extends Namespaces {
  argv: readonly string[];
  /** From `ownFolder`. */
  folder: string;
  isReady(): boolean | Promise<boolean>;
  /** How long it may take to be ready. @default 30 */
  readyS?: number;
  /** What went wrong, of what it wrote. */
  failed(said: string): string;
  /** File for all that it writes. @default what it writes to stderr is kept for `failed` */
  output?: string;
}

/** Start a program in namespaces of its own, and wait until it is ready. */
export async function startInside(options: StartOptions): Promise<Inside> {
  const { argv, folder, output } = options;
  const file = output === undefined ? undefined : openSync(output, "a");
  // setpriv: when this process is killed, the kernel kills unshare, and that kills all that is inside.
  const child = spawn(
    "/usr/bin/setpriv",
    ["--pdeathsig", "KILL", "/usr/bin/unshare", ...unshareOptions(options), "--kill-child", ...argv],
    { stdio: file === undefined ? ["ignore", "ignore", "pipe"] : ["ignore", file, file] },
  );
  if (file !== undefined) closeSync(file);
  let said = "";
  child.stderr?.on("data", (chunk: Buffer) => {
    said += chunk.toString("utf8");
  });
  const stop = async () => {
    await end(child);
    rmSync(folder, { recursive: true, force: true, maxRetries: 10, retryDelay: 50 });
  };
  try {
    for (
      const deadline = Date.now() + (options.readyS ?? 30) * 1_000;
      !(await options.isReady());
      await sleep(10)
    )
      if (child.exitCode !== null || Date.now() > deadline) throw new Error(options.failed(said));
    return { child, pid: firstInside(child), stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

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
