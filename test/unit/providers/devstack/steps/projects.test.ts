import { existsSync, readdirSync, writeFileSync } from "node:fs";
import { beforeEach, describe, expect, it } from "vitest";
import { haveProjectsFollow, projectsMove } from "../../../../../providers/devstack/steps/projects";
import { type LocalNode, localNode } from "./local-account";

const local = localNode();
let node: LocalNode;
/** Of the repository's stable/1. */
let second = "";
beforeEach(() => {
  node = local();
  second = node.repository("origin");
  // As devstack clones: no branch of its own.
  node.git("home", "clone", "-q", "--no-checkout", node.at("origin"), "nova");
  node.git("home/nova", "checkout", "-q", "origin/stable/1");
});

const move = () => projectsMove(node.account, node.inputs(), true);

describe("somebody's work in a project that must follow", () => {
  it("is none where there is none", async () => {
    expect(await move()).toBe(true);
  });

  it("are edits, and commits at HEAD", async () => {
    node.write("home/nova/first", "mine\n");
    await expect(move()).rejects.toThrow(/\nnova: M first\nIt would be lost/);
    node.git("home/nova", "checkout", "-q", ".");
    node.commit("home/nova", "mine");
    await expect(move()).rejects.toThrow(/\nnova: commit [0-9a-f]+ mine\nIt would be lost/);
  });

  it("are commits of a branch that devstack makes anew, and of no other: those stay", async () => {
    node.git("home/nova", "switch", "-q", "-c", "master", "origin/master");
    node.commit("home/nova", "of-master");
    node.git("home/nova", "switch", "-q", "--detach", "origin/stable/1");
    // Of another project's, or of a plugin's.
    await expect(move()).rejects.toThrow(/\nnova: commit [0-9a-f]+ of-master\n/);
    node.git("home/nova", "branch", "-q", "-m", "master", "topic");
    expect(await move()).toBe(true);
    const localConf = "[[local|localrc]]\nNOVA_BRANCH='topic'\n";
    await expect(projectsMove(node.account, node.inputs({ localConf }), true)).rejects.toThrow(
      /\nnova: commit [0-9a-f]+ of-master\n/,
    );
  });

  it("is seen in a worktree, whose .git is a file", async () => {
    node.git("home/nova", "worktree", "add", "-q", "--detach", node.at("home/neutron"), "origin/stable/1");
    expect(await move()).toBe(true);
    node.write("home/neutron/first", "mine\n");
    await expect(move()).rejects.toThrow(/\nneutron: M first\n/);
  });

  it("may be where git cannot look: that is told, and refused", async () => {
    writeFileSync(node.at("home/nova/.git/index"), "no index");
    await expect(move()).rejects.toThrow(/\nnova: git cannot look there: \S.*index/);
  });

  it("is looked for as long as big clones need", async () => {
    await move();
    expect(node.options.at(-1)?.deadlineS).toBe(900);
  });
});

describe("a project that is pinned to a commit, which devstack cannot have follow", () => {
  const said: string[] = [];
  const follow = (...lines: string[]) =>
    haveProjectsFollow(node.account, node.inputs({ localConf: `[[local|localrc]]\n${lines.join("\n")}\n` }), {
      say: (message: string) => void said.push(message),
      signal: new AbortController().signal,
    });
  const plugin = (ref: string) => `enable_plugin nova ${node.at("origin")} ${ref}`;
  const aside = () => readdirSync(node.home).filter((name) => name.includes(".labplan-"));
  beforeEach(() => said.splice(0));

  it("goes, to be cloned anew, where nobody's work is in it", async () => {
    await follow(plugin(second));
    expect(readdirSync(node.home)).toEqual([]);
    expect(said).toEqual([]);
  });

  const WORK: Record<string, () => void> = {
    "a new file": () => node.write("home/nova/mine", ""),
    "a stash": () => {
      node.write("home/nova/first", "mine\n");
      node.git("home/nova", "stash", "-q");
    },
    "a commit on a branch": () => {
      node.git("home/nova", "switch", "-q", "-c", "topic");
      node.commit("home/nova", "mine");
      node.git("home/nova", "switch", "-q", "--detach", "origin/stable/1");
    },
    "what git cannot read": () => writeFileSync(node.at("home/nova/.git/index"), "no index"),
  };
  for (const [what, work] of Object.entries(WORK))
    it(`is moved aside, and told, with ${what} in it`, async () => {
      work();
      await follow(plugin(second));
      expect(existsSync(node.at("home/nova"))).toBe(false);
      expect(aside()).toEqual([expect.stringMatching(/^nova\.labplan-\d+$/)]);
      expect(said.join()).toContain(`"hv1": ${node.home}/nova is pinned to a commit`);
      expect(said.join()).toContain(`${node.home}/${aside()[0]}`);
      // Nothing follows there any more.
      expect(await move()).toBe(true);
    });

  it("is one of devstack's own by its variable, and none by a branch or tag that looks like one", async () => {
    node.git("home", "clone", "-q", node.at("origin"), "python-novaclient");
    await follow(plugin("20240101"), "KEYSTONE_BRANCH=stable/1");
    expect(readdirSync(node.home).sort()).toEqual(["nova", "python-novaclient"]);
    await follow(`NOVA_BRANCH="${second}"`);
    expect(readdirSync(node.home)).toEqual(["python-novaclient"]);
    await follow(`NOVACLIENT_BRANCH=${second}`);
    expect(readdirSync(node.home)).toEqual([]);
    expect(node.options.at(-1)?.deadlineS).toBe(900);
  });
});
