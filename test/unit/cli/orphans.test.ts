import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { waitForOrphans } from "../../../cli/orphans";

let root: string;
let children: ChildProcess[];
beforeEach(() => {
  root = fs.mkdtempSync(path.join(os.tmpdir(), "lp-orphans-"));
  children = [];
});
afterEach(() => {
  for (const child of children) child.kill("SIGKILL");
  fs.rmSync(root, { recursive: true, force: true });
});

/** A process that is called as the plugin is, and has no engine above it. */
async function plugin(cwd: string): Promise<ChildProcess> {
  const file = path.join(root, "pulumi-resource-openstack");
  if (!fs.existsSync(file))
    fs.copyFileSync(execFileSync("which", ["sleep"], { encoding: "utf8" }).trim(), file);
  const child = spawn(file, ["60"], { cwd, stdio: "ignore" });
  children.push(child);
  await new Promise((resolve) => child.once("spawn", resolve));
  return child;
}

test.skipIf(process.platform !== "linux")(
  "the OpenStack plugin of a dead run of this project is ended, and another project's is left alone",
  async () => {
    const here = await plugin(root);
    const elsewhere = await plugin(os.tmpdir());
    const ended = new Promise((resolve) => here.once("exit", (_code, signal) => resolve(signal)));
    expect(await waitForOrphans(root, 5_000)).toEqual([]);
    expect(await ended).toBe("SIGKILL");
    expect(elsewhere.exitCode ?? elsewhere.signalCode).toBeNull();
  },
);
