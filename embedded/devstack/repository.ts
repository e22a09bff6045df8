import { spawn } from "node:child_process";
import * as fs from "node:fs";
import * as path from "node:path";

/** Files of a repository, by path; those that end in `.sh`, or begin with `#!`, can be executed. */
export type Files = Record<string, string>;

const FOLDER = path.join(__dirname, "repository");

/** Read while we can: the project may be closed to the user that the daemon becomes. */
export const STAND_IN: Files = Object.fromEntries(
  (fs.readdirSync(FOLDER, { recursive: true, withFileTypes: true }) as fs.Dirent[])
    .filter((entry) => entry.isFile())
    .map((entry) => path.join(entry.parentPath, entry.name))
    .map((file) => [path.relative(FOLDER, file), fs.readFileSync(file, "utf8")]),
);

export const BRANCHES = ["master", "stable/2025.1", "stable/2025.2", "stable/2026.1"] as const;

/**
 * A bare repository with one commit on each branch, that can be fetched by its path or by any plain HTTP server. The
 * same files are the same commit. It takes the place of one that is there.
 */
export async function makeRepository(
  folder: string,
  files: Files,
  branches: readonly string[] = BRANCHES,
): Promise<void> {
  fs.rmSync(folder, { recursive: true, force: true });
  fs.mkdirSync(folder, { recursive: true });
  await git(folder, ["init", "--quiet", "--bare", `--initial-branch=${branches[0] ?? "master"}`]);
  await git(folder, ["fast-import", "--quiet"], branches.map((branch) => commitOf(files, branch)).join(""));
  await git(folder, ["update-server-info"]);
}

/** devstack's stand-in as `<folder>/openstack/devstack.git`; answers with that path. `folder` is a GIT_BASE. */
export async function makeStandIn(folder: string): Promise<string> {
  const at = path.join(folder, "openstack", "devstack.git");
  await makeRepository(at, STAND_IN);
  return at;
}

/** As `git fast-import` reads it. */
function commitOf(files: Files, branch: string): string {
  const bytes = (text: string): string => `data ${Buffer.byteLength(text)}\n${text}\n`;
  const entries = Object.entries(files).sort(([one], [other]) => (one < other ? -1 : 1));
  const changes = entries.map(([name, text]) => {
    const mode = name.endsWith(".sh") || text.startsWith("#!") ? "100755" : "100644";
    return `M ${mode} inline ${name}\n${bytes(text)}`;
  });
  return [
    `commit refs/heads/${branch}\n`,
    "committer labplan <labplan@localhost> 1767225600 +0000\n",
    bytes("The stand-in"),
    ...changes,
    "\n",
  ].join("");
}

function git(folder: string, args: readonly string[], input = ""): Promise<void> {
  return new Promise((resolve, reject) => {
    const child = spawn("git", ["-C", folder, ...args], {
      stdio: ["pipe", "ignore", "pipe"],
      // Nothing of the caller's own settings or repository.
      env: {
        PATH: process.env.PATH,
        HOME: folder,
        GIT_DIR: folder,
        GIT_CONFIG_GLOBAL: "/dev/null",
        GIT_CONFIG_NOSYSTEM: "1",
      },
    });
    let said = "";
    child.stderr.on("data", (data) => {
      said += data;
    });
    child.stdin.on("error", () => {});
    child.stdin.end(input);
    child.on("error", reject);
    child.on("close", (code) => {
      if (code === 0) resolve();
      else reject(new Error(`git ${args[0]}: ${said.trim() || `ended with ${code}`}`));
    });
  });
}
