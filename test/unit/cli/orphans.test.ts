import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { waitForOrphans, whatIsAbove } from "../../../cli/orphans";
import { isAlive } from "../../../providers/core/processes";

let root: string;
let pids: number[];
let children: ChildProcess[];
beforeEach(() => {
  root = fs.mkdtempSync(path.join(os.tmpdir(), "lp-orphans-"));
  pids = [];
  children = [];
});
afterEach(() => {
  for (const child of children) child.kill("SIGKILL");
  for (const pid of pids) if (isAlive(pid)) process.kill(pid, "SIGKILL");
  fs.rmSync(root, { recursive: true, force: true });
});

/** A program that is called as the plugin is, and does nothing for a minute. */
function plugin(): string {
  const file = path.join(root, "pulumi-resource-openstack");
  if (!fs.existsSync(file))
    fs.copyFileSync(execFileSync("which", ["sleep"], { encoding: "utf8" }).trim(), file);
  return file;
}

/** One whose parent has died, as an engine's that was killed. */
function orphan(cwd: string): number {
  fs.chmodSync(plugin(), 0o755);
  const script = `"${plugin()}" 60 > /dev/null 2>&1 & echo $!`;
  const pid = Number(execFileSync("sh", ["-c", script], { cwd, encoding: "utf8" }));
  pids.push(pid);
  return pid;
}

const onLinux = test.skipIf(process.platform !== "linux");

onLinux(
  "the OpenStack plugin of a dead run of this project is ended, and another project's is left alone",
  async () => {
    const here = orphan(root);
    const elsewhere = orphan(os.tmpdir());
    expect(await waitForOrphans(root, 5_000)).toEqual([]);
    expect(isAlive(here)).toBe(false);
    expect(isAlive(elsewhere)).toBe(true);
  },
);

onLinux("one that somebody started by hand is not ended, but named", async () => {
  const child = spawn(plugin(), ["60"], { cwd: root, stdio: "ignore" });
  children.push(child);
  await new Promise((resolve) => child.once("spawn", resolve));
  expect(await waitForOrphans(root, 300)).toEqual([child.pid]);
  expect(child.exitCode ?? child.signalCode).toBeNull();
});

/** A plugin with these above it, from its parent to pid 1; `?` cannot be seen. */
function above(...names: string[]) {
  const pids = names.map((_, index) => (index === names.length - 1 ? 1 : 10 + index));
  const processes = new Map(
    ["plugin", ...names].map((name, index) => [[9, ...pids][index], { name, parent: pids[index] ?? 0 }]),
  );
  return whatIsAbove(9, (pid) => (processes.get(pid)?.name === "?" ? undefined : processes.get(pid)));
}

test("an engine is one however far above it stands, and behind a packager's wrapper", () => {
  expect(above("pulumi", "node", "bash", "systemd")).toBe("engine");
  expect(above(".pulumi-wrapped", "node", "systemd")).toBe("engine");
  expect(above("sh", "sh", "sh", "sh", "sh", "pulumi", "init")).toBe("engine");
});

test("it has lost its parent where pid 1 has it, or the manager of the user's session", () => {
  expect(above("init")).toBe("nobody");
  expect(above("?")).toBe("nobody");
  expect(above("systemd", "systemd")).toBe("nobody");
});

test("any other parent may know why, and so may one that cannot be seen", () => {
  expect(above("bash", "sshd", "systemd")).toBe("somebody");
  expect(above("?", "systemd")).toBe("somebody");
  expect(above("pulumi-language", "systemd")).toBe("somebody");
  expect(whatIsAbove(9, () => undefined)).toBe("somebody");
});
