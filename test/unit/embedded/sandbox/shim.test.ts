import { spawnSync } from "node:child_process";
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";

const SHIM = path.resolve(__dirname, "../../../../embedded/sandbox/shim.cjs");

describe("the commands of a sandbox without name spaces", () => {
  let outside = "";
  let root = "";
  beforeEach(() => {
    outside = fs.mkdtempSync(path.join(os.tmpdir(), "labplan-shim-"));
    root = path.join(outside, "root");
    fs.mkdirSync(path.join(root, "etc"), { recursive: true });
    fs.mkdirSync(path.join(root, "home"));
    fs.writeFileSync(path.join(outside, "canary"), "alive");
    fs.writeFileSync(path.join(root, "etc/passwd"), "root:x:0:0::/root:/bin/sh\n");
    fs.writeFileSync(path.join(root, "etc/hostname"), "w1\n");
  });
  afterEach(() => fs.rmSync(outside, { recursive: true, force: true }));
  const run = (name: string, ...args: string[]) =>
    spawnSync(process.execPath, [SHIM, name, ...args], {
      encoding: "utf8",
      input: "text",
      env: { SANDBOX_ROOT: root, HOME: "/home", USER: "root" },
    });

  it("take every path as one inside, however it climbs", () => {
    for (const target of [
      "../canary",
      "../../../canary",
      path.join(outside, "canary"),
      "/../canary",
      "/home/../../canary",
    ]) {
      expect(run("cat", target).stdout, target).not.toContain("alive");
      run("rm", "-rf", target);
      run("tee", target);
      run("touch", target);
    }
    expect(fs.readFileSync(path.join(outside, "canary"), "utf8")).toBe("alive");
    expect(fs.readdirSync(outside).sort()).toEqual(["canary", "root"]);
  });

  it("empty the sandbox on rm -rf /, and nothing else", () => {
    expect(run("rm", "-rf", "/").status).toBe(0);
    expect(fs.readdirSync(root)).toEqual([]);
    expect(fs.readdirSync(outside).sort()).toEqual(["canary", "root"]);
  });

  it("read and write inside, from the home folder", () => {
    run("tee", "note");
    expect(fs.readFileSync(path.join(root, "home/note"), "utf8")).toBe("text");
    expect(run("cat", "/home/note").stdout).toBe("text");
    expect(run("cat", "/missing").status).toBe(1);
    expect(run("cat", "/missing").stderr).not.toContain(root);
  });

  it("know users and host names of the sandbox alone", () => {
    expect(run("useradd", "-m", "bob").status).toBe(0);
    expect(run("useradd", "bob").status).toBe(9);
    expect(fs.readFileSync(path.join(root, "etc/passwd"), "utf8")).toContain("bob:x:1000:");
    run("userdel", "bob");
    expect(fs.readFileSync(path.join(root, "etc/passwd"), "utf8")).not.toContain("bob");
    run("hostnamectl", "set-hostname", "w2");
    expect(run("hostname").stdout).toBe("w2\n");
  });
});
