import { mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { beforeEach, describe, expect, it } from "vitest";
import { cloneMoves, ensureClone } from "../../../../../providers/devstack/steps/clone";
import { type LocalNode, localNode } from "./local-account";

const PATCH = "--- a/first\n+++ b/first\n@@ -1 +1 @@\n-first\n+patched\n";

const local = localNode();
const { signal } = new AbortController();
let node: LocalNode;
beforeEach(async () => {
  node = local();
  node.repository("origin");
  await ensureClone(node.account, node.inputs(), signal);
});

const moves = (branch: string) => cloneMoves(node.account, node.inputs({ branch }), signal);

describe("devstack's own clone", () => {
  it("is moved by another branch, and back", async () => {
    expect(await moves("stable/1")).toBe(false);
    for (const branch of ["master", "stable/1", "master"]) {
      expect(await moves(branch)).toBe(true);
      await ensureClone(node.account, node.inputs({ branch }), signal);
      expect(node.git("home/devstack", "branch", "--show-current")).toBe(branch);
    }
  });

  it("is not, over commits of a branch of that name; what we fetched of three of them is nobody's own", async () => {
    node.git("origin", "branch", "-q", "stable/2", "master");
    node.git("origin", "switch", "-q", "stable/2");
    node.commit("origin", "third");
    for (const branch of ["master", "stable/2", "master", "stable/1"])
      await ensureClone(node.account, node.inputs({ branch }), signal);
    const own = "home/devstack";
    node.git(own, "switch", "-q", "master");
    node.commit(own, "mine");
    node.git(own, "switch", "-q", "stable/1");
    await expect(moves("master")).rejects.toThrow(/has commits that \S+ has not:\n[0-9a-f]+ mine\n/);
    await expect(ensureClone(node.account, node.inputs({ branch: "master" }), signal)).rejects.toThrow(
      / mine\n/,
    );
    expect(await moves("stable/2")).toBe(true);
  });

  it("has its patches back when the look at it fails", async () => {
    mkdirSync(node.at("home/devstack/.git/labplan/patches"), { recursive: true });
    node.write("home/devstack/.git/labplan/patches/1.patch", PATCH);
    node.write("home/devstack/first", "patched\n");
    expect(await moves("master")).toBe(true);
    // A preview touches nothing.
    node.write("home/devstack/second", "mine\n");
    expect(await cloneMoves(node.account, node.inputs({ branch: "master" }), signal, "read only")).toBe(
      false,
    );
    await expect(moves("master")).rejects.toThrow(/were edited there:\n M second/);
    node.git("home/devstack", "checkout", "-q", "second");
    const first = () => readFileSync(node.at("home/devstack/first"), "utf8");
    expect(first()).toBe("patched\n");
    writeFileSync(node.at("home/devstack/.git/index"), "no index");
    await expect(moves("master")).rejects.toThrow(/could not look at the clone: [\s\S]*index/);
    expect(first()).toBe("patched\n");
  });

  it("is not looked at without git, which is told as ever", async () => {
    mkdirSync(node.at("bin"));
    for (const name of readdirSync("/usr/bin").filter((one) => ["cat", "ls", "sh"].includes(one)))
      symlinkSync(`/usr/bin/${name}`, node.at("bin", name));
    node.path = node.at("bin");
    await expect(moves("master")).rejects.toThrow(/"hv1": there is no git/);
  });

  it("is looked at as long as a big clone needs", async () => {
    await moves("master");
    expect(node.options.at(-1)?.deadlineS).toBe(900);
  });
});
