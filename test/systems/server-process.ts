import type { ChildProcess } from "node:child_process";

/** Ask a server of ours to end, and see to it that it does. */
export async function endServer(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const gone = new Promise((resolve) => child.once("exit", resolve));
  child.kill("SIGTERM");
  const slow = setTimeout(() => child.kill("SIGKILL"), 5_000);
  await gone;
  clearTimeout(slow);
}
