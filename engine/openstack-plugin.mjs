// The plugin of @pulumi/openstack: its download, or a build from Go modules, into Pulumi's own plugin folder.
import { spawnSync } from "node:child_process";
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { fileURLToPath } from "node:url";
import { goBuild } from "./build.mjs";

const ROOT = path.dirname(path.dirname(fileURLToPath(import.meta.url)));
const MODULE = path.join(ROOT, "engine", "openstack-plugin");
const SDK = path.join(ROOT, "node_modules", "@pulumi", "openstack");
const exe = (name) => (process.platform === "win32" ? `${name}.exe` : name);

/** Where the CLI looks for it first; either of them serves a download. */
const SOURCES = ["https://github.com/", "https://get.pulumi.com/"];
const ANSWER_MS = 10_000;
const DOWNLOAD_MS = 300_000;

/** What the npm package wants, without its "v". */
export function openStackPluginVersion() {
  const { version } = JSON.parse(fs.readFileSync(path.join(SDK, "package.json"), "utf8"));
  return version.replace(/^v/, "");
}

/** Where Pulumi looks for the plugin. */
export function openStackPluginFile() {
  const home = process.env.PULUMI_HOME || path.join(os.homedir(), ".pulumi");
  const folder = path.join(home, "plugins", `resource-openstack-v${openStackPluginVersion()}`);
  return path.join(folder, exe("pulumi-resource-openstack"));
}

/** Path of the plugin; makes one when there is none. Needs `pulumi` on PATH for the download. */
export async function ensureOpenStackPlugin() {
  const plugin = openStackPluginFile();
  if (fs.existsSync(plugin)) return plugin;
  const version = openStackPluginVersion();
  const failures = [];
  for (const [way, make] of [
    ["download", download],
    ["build from Go modules", buildPlugin],
  ]) {
    try {
      await make(version, path.dirname(plugin));
      if (fs.existsSync(plugin)) return plugin;
      failures.push(`${way}: gave no ${plugin}`);
    } catch (error) {
      failures.push(`${way}: ${error.message}`);
    }
  }
  throw new Error(
    [
      `no Pulumi plugin openstack ${version} could be had, and a backend of kind openstack needs it:`,
      ...failures.map((line) => `  - ${line}`),
      "Three ways to get it:",
      `  1. "pulumi plugin install resource openstack ${version}" where that works; then copy ${path.dirname(plugin)} here;`,
      "  2. give this machine access to Pulumi's download site and run the command again;",
      "  3. install Go 1.25 or newer and run the command again: the plugin is then built from Go modules (2 to 5 minutes, once).",
    ].join("\n"),
  );
}

/** The CLI's own download. Asked first whether anyone answers: the CLI would try five times. */
async function download(version) {
  process.stderr.write(`labplan: no Pulumi plugin openstack ${version} here yet; downloading it …\n`);
  await Promise.any(
    SOURCES.map((url) => fetch(url, { method: "HEAD", signal: AbortSignal.timeout(ANSWER_MS) })),
  ).catch(() => {
    throw new Error(`${SOURCES.map((url) => new URL(url).host).join(" and ")} cannot be reached`);
  });
  const done = spawnSync("pulumi", ["plugin", "install", "resource", "openstack", version], {
    stdio: ["ignore", 2, "pipe"],
    encoding: "utf8",
    timeout: DOWNLOAD_MS,
    env: { ...process.env, PULUMI_SKIP_UPDATE_CHECK: "true" },
  });
  if (done.error) throw done.error;
  if (done.status !== 0) throw new Error(done.stderr.trim().split("\n").at(-1));
}

/** Terraform's provider behind Pulumi's bridge, with the names of the npm package (`tokens.txt`). */
export async function buildPlugin(version, folder) {
  if (spawnSync("go", ["version"]).status !== 0) throw new Error('Go is not installed ("go version" failed)');
  process.stderr.write(
    `labplan: building the Pulumi plugin openstack ${version} from Go modules (2 to 5 minutes, once) …\n`,
  );
  fs.mkdirSync(path.dirname(folder), { recursive: true });
  // A name that Pulumi takes for no plugin: the folder gets its own when everything is in it.
  const partial = fs.mkdtempSync(path.join(path.dirname(folder), ".building-"));
  try {
    const flags = `-s -w -X labplan/openstack-plugin/provider.Version=${version}`;
    const build = async (name) => {
      await goBuild(MODULE, `./cmd/${name}`, path.join(partial, exe(name)), flags);
      return path.join(partial, exe(name));
    };
    await build("pulumi-resource-openstack");
    const generator = await build("pulumi-tfgen-openstack");
    writeSchema(generator, partial);
    fs.rmSync(generator);
    fs.chmodSync(partial, 0o755);
    fs.renameSync(partial, folder);
  } catch (error) {
    // Two runs may build at once: the first to be done wins.
    if (error.code !== "ENOTEMPTY" && error.code !== "EEXIST") throw error;
  } finally {
    fs.rmSync(partial, { recursive: true, force: true });
  }
}

function writeSchema(generator, folder) {
  const work = fs.mkdtempSync(path.join(os.tmpdir(), "labplan-schema-"));
  try {
    const argv = ["schema", "--skip-docs", "--skip-examples", "--out", work];
    const done = spawnSync(generator, argv, { cwd: work, encoding: "utf8", timeout: 120_000 });
    if (done.status !== 0)
      throw new Error(
        `its schema could not be made: ${(done.stderr || done.error?.message || "").slice(-500)}`,
      );
    fs.copyFileSync(path.join(work, "schema.json"), path.join(folder, "schema.json"));
  } finally {
    fs.rmSync(work, { recursive: true, force: true });
  }
}
