import * as fs from "node:fs";

/** Kills a process and all below it at once, as a power cut would. */
export function killTree(pid: number): void {
  const file = `/proc/${pid}/task/${pid}/children`;
  const children = fs.existsSync(file) ? fs.readFileSync(file, "utf8").trim().split(" ").filter(Boolean) : [];
  try {
    process.kill(pid, "SIGKILL");
  } catch {
    // It ended by itself in the meantime.
  }
  for (const child of children) killTree(Number(child));
}
