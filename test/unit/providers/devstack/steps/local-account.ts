import { execFileSync, spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach } from "vitest";
import type { UserShell } from "../../../../../providers/devstack/on-node";
import { RUN, STATE } from "../../../../../providers/devstack/places";
import type { NodeInputs } from "../../../../../providers/devstack/types";
import type { ScriptOptions } from "../../../../../providers/ssh/root-shell";

const AUTHOR = ["-c", "user.name=n", "-c", "user.email=e@f", "-c", "protocol.file.allow=always"];

/** A folder of this machine's as the home on a node; scripts run here, with our state in a folder beside it. */
export class LocalNode {
  readonly folder = mkdtempSync(join(tmpdir(), "labplan-steps-"));
  readonly home = this.at("home");
  /** What each script was given. */
  readonly options: ScriptOptions[] = [];
  path = process.env.PATH ?? "";

  constructor() {
    mkdirSync(this.home);
    mkdirSync(this.at("state").concat(RUN.slice(STATE.length)), { recursive: true });
  }

  at(...names: string[]): string {
    return join(this.folder, ...names);
  }

  readonly account = {
    run: async (what: string, script: string, words: readonly string[] = [], options: ScriptOptions = {}) => {
      this.options.push(options);
      const told = spawnSync("sh", ["-c", script.replaceAll(STATE, this.at("state")), "sh", ...words], {
        encoding: "utf8",
        cwd: "/",
        env: { PATH: this.path, HOME: this.folder, LC_ALL: "C", GIT_CONFIG_NOSYSTEM: "1" },
      });
      const { status: code, stdout, stderr } = told;
      if (code === 0 || (code !== null && options.codes?.includes(code))) return { code, stdout, stderr };
      throw new Error(`could not ${what}: ${stderr} (${code})`);
    },
  } as unknown as UserShell;

  git(folder: string, ...words: string[]): string {
    return execFileSync("git", ["-C", this.at(folder), ...AUTHOR, ...words], {
      encoding: "utf8",
      env: { PATH: process.env.PATH, HOME: this.folder, GIT_CONFIG_NOSYSTEM: "1" },
    }).trim();
  }

  /** Answers with the commit. */
  commit(folder: string, name: string): string {
    this.write(`${folder}/${name}`, `${name}\n`);
    this.git(folder, "add", name);
    this.git(folder, "commit", "-q", "-m", name);
    return this.git(folder, "rev-parse", "HEAD");
  }

  write(file: string, text: string): void {
    writeFileSync(this.at(file), text);
  }

  /** A repository with the branches master and stable/1, one commit apart. */
  repository(name: string): string {
    mkdirSync(this.at(name));
    this.git(name, "init", "-q", "-b", "master");
    this.commit(name, "first");
    this.git(name, "switch", "-q", "-c", "stable/1");
    return this.commit(name, "second");
  }

  inputs(more: Partial<NodeInputs> = {}): NodeInputs {
    return {
      ...{ name: "hv1", home: this.home, repo: this.at("origin"), branch: "stable/1", generation: 1 },
      ...{ localConf: "[[local|localrc]]\n", patches: {} },
      ...more,
    } as NodeInputs;
  }

  remove(): void {
    rmSync(this.folder, { recursive: true, force: true });
  }
}

/** One for each test of a file. */
export function localNode(): () => LocalNode {
  let node: LocalNode;
  beforeEach(() => {
    node = new LocalNode();
  });
  afterEach(() => node.remove());
  return () => node;
}
