import { spawnSync } from "node:child_process";
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { hostname, tmpdir } from "node:os";
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

/** Of ours: what it made is known without a look anywhere. */
const TYPE = "pulumi-nodejs:dynamic/libvirt:Network";
const killed = JSON.stringify({
  deployment: {
    pending_operations: [
      {
        type: "creating",
        resource: { urn: `urn:pulumi:t::labplan::${TYPE}::admin`, type: TYPE, inputs: {} },
      },
    ],
  },
});

/** A run's lock on the stack. */
function lock(hostname: string): string {
  const locks = join(folder, ".labplan", "state", ".pulumi", "locks", "organization", "labplan", "t");
  mkdirSync(locks, { recursive: true });
  const file = join(locks, "a.json");
  writeFileSync(file, JSON.stringify({ pid: 2 ** 22 + 1, hostname, username: "u", timestamp: "t" }));
  return file;
}

test("a run that is at work is left to the engine's own message", { timeout: SLOW_MS }, () => {
  const file = lock("elsewhere");
  const { status, calls } = lab(["up", "--stack", "t"], killed);
  expect(status).toBe(0);
  expect(calls).not.toContain("import");
  expect(calls).toMatch(/^up /m);
  expect(existsSync(file)).toBe(true);
});

test("the lock of a run that died here goes, and what it was making is taken in", {
  timeout: SLOW_MS,
}, () => {
  const file = lock(hostname());
  const { stderr, calls } = lab(["up", "--stack", "t"], killed);
  expect(stderr).toContain('died and left stack "t" locked');
  expect(existsSync(file)).toBe(false);
  expect(calls).toMatch(/^stack import --stack t [\s\S]*^up /m);
});
