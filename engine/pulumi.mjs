// The Pulumi CLI: one that fits on PATH or in the launcher's cache, the launcher's download, or a build from Go modules.
import { execFileSync } from "node:child_process";
import * as fs from "node:fs";
import { createRequire } from "node:module";
import * as os from "node:os";
import * as path from "node:path";
import { buildPulumi } from "./build.mjs";

const exe = (name) => (process.platform === "win32" ? `${name}.exe` : name);

/** Where the npm package `pulumi` (the official launcher) looks before it downloads. */
export function cacheDir(version) {
  return path.join(process.env.PULUMI_HOME || path.join(os.homedir(), ".pulumi"), "versions", version, "bin");
}

/** Path of a CLI of the pinned version, with a Node language host beside it; makes one when there is none. */
export async function ensurePulumi(root) {
  const require = createRequire(path.join(root, "package.json"));
  const { version } = require("pulumi/package.json");
  const cached = path.join(cacheDir(version), exe("pulumi"));
  for (const candidate of [cached, ...onPath("pulumi")]) if (fits(candidate, version)) return candidate;

  const failures = [];
  for (const [way, make] of [
    ["download", () => download(require, version)],
    ["build from Go modules", () => buildPulumi(root, version, cacheDir(version))],
  ]) {
    try {
      await make();
      if (fits(cached, version)) return cached;
      failures.push(`${way}: gave no working pulumi ${version}`);
    } catch (error) {
      failures.push(`${way}: ${error.message}`);
    }
  }
  throw new Error(
    [
      `no Pulumi CLI ${version} could be had:`,
      ...failures.map((line) => `  - ${line}`),
      "Three ways to get one:",
      `  1. install Pulumi ${version} yourself and put it on PATH (see the Pulumi docs, "Download & Install");`,
      "  2. give this machine access to Pulumi's download site and run the command again;",
      "  3. install Go 1.26 or newer and run the command again: the CLI is then built from Go modules (about 3 minutes, once).",
    ].join("\n"),
  );
}

/** Candidates on PATH, but for the launcher's own shim, which would download. */
function onPath(name) {
  return (process.env.PATH ?? "")
    .split(path.delimiter)
    .filter((folder) => folder && !folder.includes("node_modules"))
    .map((folder) => path.join(folder, exe(name)))
    .filter((file) => fs.existsSync(file));
}

function fits(file, version) {
  if (!fs.existsSync(file) || !fs.existsSync(path.join(path.dirname(file), exe("pulumi-language-nodejs"))))
    return false;
  try {
    const env = { ...process.env, PULUMI_SKIP_UPDATE_CHECK: "true" };
    const printed = execFileSync(file, ["version"], {
      encoding: "utf8",
      stdio: ["ignore", "pipe", "ignore"],
      env,
      timeout: 30_000,
    });
    return printed.trim() === `v${version}`;
  } catch {
    return false;
  }
}

const DOWNLOAD_ANSWER_MS = 15_000;

/** The launcher's own download, with a limit on the wait for a first answer. */
async function download(require, version) {
  process.stderr.write(`labplan: no Pulumi CLI ${version} here yet; downloading it …\n`);
  const { installCLI } = require("pulumi/lib/download");
  await installCLI(version, path.dirname(cacheDir(version)), {
    fetchText: async (url) => {
      const answer = await fetch(url, { signal: AbortSignal.timeout(DOWNLOAD_ANSWER_MS) }).catch((error) => {
        throw new Error(`${new URL(url).host} cannot be reached (${error.cause?.code ?? error.message})`);
      });
      if (!answer.ok) throw new Error(`${url} answered ${answer.status}`);
      return answer.text();
    },
  });
}
