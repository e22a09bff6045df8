import { spawnSync } from "node:child_process";
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";

const ROOT = join(__dirname, "..", "..", "..");

/** Each call is a Node process that compiles the CLI. */
const SLOW_MS = 60_000;

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "labplan-operations-"));
  mkdirSync(join(folder, "bin"));
  mkdirSync(join(folder, "stacks"));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

/** `npm run lab -- …` with engine's calls written down; with `state` as what an export says. */
function lab(args: string[], state = '{"deployment":{}}') {
  const pulumi = join(folder, "bin", "pulumi");
  const script = `#!/bin/sh
echo "$@" >> "${folder}/calls"
[ "$2" = ls ] && echo '[{"name":"t","current":true}]'
[ "$2" = export ] && echo '${state}'
exit 0
`;
  writeFileSync(pulumi, script);
  chmodSync(pulumi, 0o755);
  const env = {
    PATH: `${join(folder, "bin")}:/usr/bin:/bin`,
    HOME: folder,
    PULUMI_HOME: join(folder, "home"),
  };
  const argv = ["--require", join(ROOT, "node_modules", "tsx", "dist", "cjs", "index.cjs")];
  const done = spawnSync(process.execPath, [...argv, join(ROOT, "cli", "main.ts"), "lab", ...args], {
    cwd: folder,
    env,
    encoding: "utf8",
  });
  const read = (name: string) =>
    existsSync(join(folder, name)) ? readFileSync(join(folder, name), "utf8") : "";
  return { ...done, calls: read("calls") };
}

test("trap openstack#9: up and destroy start 32 steps at once", { timeout: SLOW_MS }, () => {
  expect(lab(["up", "--stack", "t"]).calls).toContain("up --parallel 32 --stack t\n");
  expect(lab(["destroy", "--stack", "t"]).calls).toContain("destroy --parallel 32 --stack t\n");
});

test("a stack on OpenStack begins nothing without its plugin", { timeout: SLOW_MS }, () => {
  writeFileSync(
    join(folder, "stacks", "Pulumi.t.yaml"),
    "config:\n  labplan:backends: { c: { kind: openstack } }\n",
  );
  for (const verb of ["preview", "up"]) {
    const { status, stderr, calls } = lab([verb, "--stack", "t"]);
    expect(status).toBe(1);
    expect(stderr).toContain("no Pulumi plugin openstack 3.15.2 could be had");
    expect(calls).not.toMatch(/^(preview|up) /m);
  }
});

test("nor does a destroy of what the file no longer names", { timeout: SLOW_MS }, () => {
  const type = "openstack:compute/instance:Instance";
  const state = JSON.stringify({
    deployment: { resources: [{ type, urn: `urn:pulumi:t::labplan::${type}::m1` }] },
  });
  const { status, calls } = lab(["destroy", "--stack", "t"], state);
  expect(status).toBe(1);
  expect(calls).not.toMatch(/^destroy /m);
});
