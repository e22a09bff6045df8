import { spawnSync } from "node:child_process";
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { pathToFileURL } from "node:url";
import { afterEach, beforeEach, expect, test } from "vitest";

const ROOT = join(__dirname, "..", "..", "..");
const VERSION = "3.15.2";

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "labplan-plugin-"));
  mkdirSync(join(folder, "bin"));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const calls = () => (existsSync(join(folder, "calls")) ? readFileSync(join(folder, "calls"), "utf8") : "");
const plugin = () =>
  join(folder, "home", "plugins", `resource-openstack-v${VERSION}`, "pulumi-resource-openstack");

/** A program on PATH that writes down how it was called and in which environment. */
function program(name: string, script: string): void {
  const file = join(folder, "bin", name);
  writeFileSync(
    file,
    `#!/bin/sh\necho ${name} "$@" >> "${folder}/calls"\nenv >> "${folder}/environment"\n${script}\n`,
  );
  chmodSync(file, 0o755);
}

/** Writes what it is asked for; what it makes of the generator writes a schema. */
const GO = `
[ "$1" = build ] || exit 0
while [ "$1" != -o ]; do shift; done
printf '#!/bin/sh\\nwhile [ "$1" != --out ]; do shift; done\\necho {} > "$2/schema.json"\\n' > "$2"
chmod +x "$2"`;

function ensure(options: { online: boolean }) {
  const script = `
    globalThis.fetch = async () => { if (!${options.online}) throw new TypeError("fetch failed"); return new Response(); };
    const { ensureOpenStackPlugin } = await import(${JSON.stringify(pathToFileURL(join(ROOT, "engine", "openstack-plugin.mjs")).href)});
    await ensureOpenStackPlugin().then(console.log, (error) => { console.error(error.message); process.exitCode = 1; });`;
  const env = {
    PATH: `${join(folder, "bin")}:/usr/bin:/bin`,
    PULUMI_HOME: join(folder, "home"),
    HOME: folder,
  };
  return spawnSync(process.execPath, ["--input-type=module", "-e", script], { encoding: "utf8", env });
}

test("trap openstack#1: the plugin is downloaded by Pulumi's own command where anyone answers", () => {
  program("go", GO);
  program("pulumi", `mkdir -p "${dirname(plugin())}" && touch "${plugin()}"`);
  const { stdout, status } = ensure({ online: true });
  expect(status).toBe(0);
  expect(stdout.trim()).toBe(plugin());
  expect(calls()).toBe(`pulumi plugin install resource openstack ${VERSION}\n`);
});

test("trap openstack#1: nobody answers, so it is built from Go modules and Pulumi's command is not even tried", () => {
  program("go", GO);
  program("pulumi", "exit 1");
  expect(ensure({ online: false }).stdout.trim()).toBe(plugin());
  expect(readdirSync(dirname(plugin())).sort()).toEqual(["pulumi-resource-openstack", "schema.json"]);
  expect(calls()).not.toContain("pulumi plugin");
  expect(calls()).toContain(`provider.Version=${VERSION}`);
});

test("trap openstack#2: the build takes the pinned versions only, and checks them", () => {
  program("go", GO);
  ensure({ online: false });
  for (const line of calls()
    .split("\n")
    .filter((call) => call.startsWith("go build")))
    expect(line).toContain("-mod=readonly");
  const environment = readFileSync(join(folder, "environment"), "utf8");
  expect(environment).not.toMatch(/^(GONOSUMDB|GONOSUMCHECK|GONOSUMDB|GOSUMDB|GOINSECURE|GOPRIVATE)=/m);
  const pinned = readFileSync(join(ROOT, "engine", "openstack-plugin", "go.mod"), "utf8");
  for (const line of [
    "github.com/pulumi/pulumi-terraform-bridge/v3 v3.100.0",
    "github.com/terraform-provider-openstack/terraform-provider-openstack v1.54.1",
    "github.com/pulumi/terraform-plugin-sdk/v2 v2.0.0-20240520223432-0c0bf0d65f10",
  ])
    expect(pinned).toContain(line);
});

test("a plugin that is there is taken without a look at the network", () => {
  mkdirSync(dirname(plugin()), { recursive: true });
  writeFileSync(plugin(), "");
  program("pulumi", "exit 1");
  expect(ensure({ online: true }).stdout.trim()).toBe(plugin());
  expect(calls()).toBe("");
});

test("a build that fails leaves nothing that Pulumi would take for a plugin", () => {
  program("go", '[ "$1" = build ] || exit 0\necho no such module >&2\nexit 1');
  const { status, stderr } = ensure({ online: false });
  expect(status).toBe(1);
  expect(stderr).toContain("no such module");
  expect(readdirSync(join(folder, "home", "plugins"))).toEqual([]);
});

test("a download that fails falls back to the build", () => {
  program("go", GO);
  program("pulumi", "echo 'error: failed all 5 attempts' >&2; exit 1");
  expect(ensure({ online: true }).stdout.trim()).toBe(plugin());
});

test("without any way the message lists what was tried and the three ways to get it", () => {
  program("go", "exit 127");
  program("pulumi", "exit 1");
  const { status, stderr } = ensure({ online: false });
  expect(status).toBe(1);
  expect(stderr).toContain("download: github.com and get.pulumi.com cannot be reached");
  expect(stderr).toContain("build from Go modules: Go is not installed");
  expect(stderr).toMatch(/1\. "pulumi plugin install resource openstack 3\.15\.2"/);
  expect(stderr).toMatch(/2\. give this machine access/);
  expect(stderr).toMatch(/3\. install Go/);
});

/** What Pulumi starts: Pulumi.yaml names its folder. */
const launch = () =>
  spawnSync(
    join(ROOT, "engine", "openstack-plugin", "launcher", "pulumi-resource-openstack"),
    ["127.0.0.1:1"],
    {
      encoding: "utf8",
      env: {
        PATH: `${join(folder, "bin")}:${dirname(process.execPath)}:/usr/bin:/bin`,
        PULUMI_HOME: join(folder, "home"),
        HOME: folder,
      },
    },
  );

test("Pulumi starts the plugin by way of the launcher, which becomes it", () => {
  mkdirSync(dirname(plugin()), { recursive: true });
  writeFileSync(plugin(), `#!/bin/sh\necho "$0 $@"\n`);
  chmodSync(plugin(), 0o755);
  expect(launch().stdout).toBe(`${plugin()} 127.0.0.1:1\n`);
});

test("a launcher without a plugin says what to do, on no line that Pulumi would take for a port", () => {
  program("go", "exit 1");
  program("pulumi", "exit 1");
  const { status, stdout, stderr } = launch();
  expect(stdout).toBe("");
  expect(status).toBe(1);
  expect(stderr).toContain(`no Pulumi plugin openstack ${VERSION} could be had`);
});
