import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { isAlive } from "../../../../providers/core/processes";
import { findVBoxManage, REAL_ELSEWHERE } from "../../../../providers/virtualbox/binary";
import { localRunner } from "../../../../providers/virtualbox/local-runner";
import { percentReader } from "../../../../providers/virtualbox/progress";

let folder: string;
beforeEach(() => {
  folder = fs.mkdtempSync(path.join(os.tmpdir(), "labplan-runner-"));
});
afterEach(() => fs.rmSync(folder, { recursive: true, force: true }));

/** A program that stands in for VBoxManage. */
function runner(script: string, env: NodeJS.ProcessEnv = {}) {
  const program = path.join(folder, "VBoxManage");
  fs.writeFileSync(program, `#!/bin/sh\n${script}\n`, { mode: 0o755 });
  return localRunner({ label: "VirtualBox on this machine", command: [program], env });
}

describe("VBoxManage as a child process", () => {
  it("gives each argument as it is, and tells output and exit code", async () => {
    const words = ["a b", "", 'q"$(x)`', "-n", "ü"];
    const result = await runner('for word; do echo "<$word>"; done; echo wrong >&2; exit 3').run(words, {
      deadlineMs: 5_000,
    });
    expect(result).toEqual({
      code: 3,
      stdout: words.map((word) => `<${word}>\n`).join(""),
      stderr: "wrong\n",
    });
  });

  it("trap virtualbox#4: speaks C, whatever the user does, and passes on only what VirtualBox needs", async () => {
    const env = {
      LANG: "de_DE.UTF-8",
      LC_ALL: "de_DE.UTF-8",
      LC_MESSAGES: "fr_FR",
      PULUMI_CONFIG_PASSPHRASE: "x",
      VBOX_USER_HOME: "/h",
      VBOX_IPC_SOCKETID: "s",
    };
    const { stdout } = await runner("env", env).run([], { deadlineMs: 5_000 });
    const got = Object.fromEntries(stdout.split("\n").map((line) => line.split("=") as [string, string]));
    expect(got).toMatchObject({
      LANG: "C.UTF-8",
      LC_ALL: "C.UTF-8",
      VBOX_USER_HOME: "/h",
      VBOX_IPC_SOCKETID: "s",
    });
    expect(Object.keys(got)).not.toContain("LC_MESSAGES");
    expect(Object.keys(got)).not.toContain("PULUMI_CONFIG_PASSPHRASE");
  });

  it("trap virtualbox#39: gives up a call that does not answer, ends that client, and not its server", async () => {
    const served = path.join(folder, "server");
    const script = `setsid sleep 30 & echo $! > ${served}; echo $$ > ${folder}/client; exec sleep 30`;
    const started = Date.now();
    await expect(runner(script).run(["list"], { deadlineMs: 300 })).rejects.toMatchObject({
      name: "NoAnswer",
    });
    expect(Date.now() - started).toBeLessThan(5_000);
    const pid = (name: string) => Number(fs.readFileSync(path.join(folder, name), "utf8"));
    await expect.poll(() => isAlive(pid("client"))).toBe(false);
    expect(isAlive(pid("server"))).toBe(true);
    process.kill(pid("server"), "SIGKILL");
  });

  it("trap virtualbox#40: lets a long operation go on while it tells of progress", async () => {
    const seen: number[] = [];
    const script =
      'for p in 0 10 20 30 40 50; do printf "$p%%..." >&2; sleep 0.1; done; sleep "$1"; echo done';
    const options = () => ({ deadlineMs: 400, onProgress: percentReader((percent) => seen.push(percent)) });
    const result = await runner(script).run(["0"], options());
    expect(result.stdout).toBe("done\n");
    expect(seen).toEqual([0, 10, 20, 30, 40, 50]);
    await expect(runner(script).run(["5"], options())).rejects.toMatchObject({ name: "NoAnswer" });
    // The same without anyone who counts progress.
    await expect(runner(script).run(["0"], { deadlineMs: 400 })).rejects.toMatchObject({ name: "NoAnswer" });
  });

  it("ends with its run", async () => {
    const call = runner(`echo $$ > ${folder}/client; exec sleep 30`).run([], {
      deadlineMs: 60_000,
      signal: AbortSignal.timeout(300),
    });
    await expect(call).rejects.toThrow(/timeout|aborted/i);
    await expect
      .poll(() => isAlive(Number(fs.readFileSync(path.join(folder, "client"), "utf8"))))
      .toBe(false);
  });

  it("says that there is no VBoxManage, and what to do", async () => {
    const missing = localRunner({
      label: "VirtualBox on this machine",
      command: [path.join(folder, "none")],
    });
    await expect(missing.run(["list"], { deadlineMs: 5_000 })).rejects.toThrow(
      /VirtualBox on this machine: .*none cannot be run \(ENOENT\)\. Install VirtualBox, or name the program by vboxManage:/,
    );
  });

  it("trap virtualbox#1: prefers the real program to the wrapper of that name", () => {
    expect(findVBoxManage("linux", {}, (file) => file.startsWith("/usr"))).toBe(
      "/usr/lib/virtualbox/VBoxManage",
    );
    expect(findVBoxManage("linux", {}, () => false)).toBe("VBoxManage");
    expect(REAL_ELSEWHERE.some((file) => file.startsWith("/usr/bin"))).toBe(false);
    const windows = findVBoxManage("win32", { VBOX_MSI_INSTALL_PATH: "C:\\VB" }, (file) =>
      file.includes("VB"),
    );
    expect(windows).toMatch(/^C:\\VB.VBoxManage\.exe$/);
  });

  it("reads progress in pieces, each figure once", () => {
    const seen: number[] = [];
    const read = percentReader((percent) => seen.push(percent));
    for (const piece of ["0%...1", "0%...20%", "...20%...3", "0", "%...100%\n"]) read(piece);
    expect(seen).toEqual([0, 10, 20, 30, 100]);
  });
});
