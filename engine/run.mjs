#!/usr/bin/env node
// What every npm script of this project starts with: plain Node, so that it works in a fresh clone.
// It installs the packages of package-lock.json, finds or makes the Pulumi engine, and hands over to the CLI.
import { spawnSync } from "node:child_process";
import * as path from "node:path";
import { fileURLToPath } from "node:url";
import { ensurePackages } from "./packages.mjs";
import { ensurePulumi } from "./pulumi.mjs";

const root = path.dirname(path.dirname(fileURLToPath(import.meta.url)));
const OLDEST_NODE = [20, 19];

function checkNode() {
  const [major, minor] = process.versions.node.split(".").map(Number);
  if (major > OLDEST_NODE[0] || (major === OLDEST_NODE[0] && minor >= OLDEST_NODE[1])) return;
  throw new Error(`Node ${OLDEST_NODE.join(".")} or newer is needed, this is ${process.versions.node}.`);
}

const NEEDS_NO_ENGINE = new Set(["systems", "traps"]);

try {
  const [verb = "help", ...rest] = process.argv.slice(2);
  checkNode();
  ensurePackages(root);
  const wantsHelp = rest.includes("--help") || rest.includes("-h") || (verb === "lab" && rest.length === 0);
  const env = { ...process.env };
  if (!NEEDS_NO_ENGINE.has(verb) && !wantsHelp) {
    const bin = await ensurePulumi(root);
    env.PATH = `${path.dirname(bin)}${path.delimiter}${path.join(root, "node_modules", ".bin")}${path.delimiter}${env.PATH ?? ""}`;
  }
  const cli = ["--require", "tsx/cjs", path.join(root, "cli", "main.ts"), verb, ...rest];
  // Ctrl-C reaches the whole group: the engine ends its running steps in good order, and we wait for it.
  process.on("SIGINT", () => {});
  const done = spawnSync(process.execPath, cli, { cwd: root, env, stdio: "inherit" });
  process.exitCode = done.status ?? 1;
} catch (error) {
  process.stderr.write(`labplan: ${error.message}\n`);
  process.exitCode = 1;
}
