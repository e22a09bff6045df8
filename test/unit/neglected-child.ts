import { spawn } from "node:child_process";
import { once } from "node:events";
import * as fs from "node:fs";
import * as path from "node:path";
import { expect } from "vitest";

/**
 * A process whose parent is a program that knows nothing of it and never asks how it ended, as pid 1 of many a
 * container. `program` takes seconds as its one argument; Linux only.
 */
export async function neglectedChild(program: string): Promise<{ pid: number; end(): Promise<void> }> {
  const parent = spawn("sh", ["-c", '"$0" 60 & echo $!; exec sleep 60', program], {
    stdio: ["ignore", "pipe", "ignore"],
  });
  const [output] = (await once(parent.stdout, "data")) as [Buffer];
  const pid = Number(output.toString());
  const nameOf = (of: number | undefined) => fs.readFileSync(`/proc/${of}/comm`, "utf8");
  await expect.poll(() => nameOf(pid)).toBe(`${path.basename(program)}\n`);
  await expect.poll(() => nameOf(parent.pid)).toBe("sleep\n");
  return {
    pid,
    async end() {
      parent.kill("SIGKILL");
      await once(parent, "close");
    },
  };
}
