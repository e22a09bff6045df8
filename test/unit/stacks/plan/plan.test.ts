import * as fs from "node:fs";
import * as path from "node:path";
import { describe, expect, test } from "vitest";
import { stringify } from "yaml";
import { loadConfig } from "../../../../stacks/config/load";
import type { LabConfig, MachineConfig } from "../../../../stacks/config/types";
import { emptyLock, renderLock } from "../../../../stacks/plan/lock-file";
import { plan } from "../../../../stacks/plan/plan";
import { type LabPlan, type PlannedResource, resourceKey } from "../../../../stacks/plan/types";
import { addressOf, deepFreeze, inputsOf, lab, machine, NOW, planned } from "./lab";

const FIXTURES = path.join(__dirname, "../../../fixtures/plan");

function load(name: string): LabConfig {
  const file = path.join(FIXTURES, `${name}.yaml`);
  const loaded = loadConfig({
    stack: name,
    file: { path: file, text: fs.readFileSync(file, "utf8") },
    readFile: (one) => fs.readFileSync(one, "utf8"),
  });
  if (!loaded.config) throw new Error(loaded.problems.map(({ message }) => message).join("\n"));
  return loaded.config;
}

/** A plan as people can review it. */
function readable({ resources, lock: _, ...rest }: LabPlan): string {
  // An installer's file is the templates' affair, and has golden files of its own.
  const shown = ({ text, ...inputs }: PlannedResource["inputs"]) =>
    text === undefined ? inputs : { ...inputs, text: "…" };
  const brief = ({ kind, name, backend: __, ...more }: PlannedResource) => [
    resourceKey(kind, name),
    { ...more, inputs: shown(more.inputs) },
  ];
  const aliasDuplicateObjects = false;
  return stringify(
    { ...rest, resources: Object.fromEntries(resources.map(brief)) },
    { aliasDuplicateObjects },
  );
}

describe("golden plans: a change here is a change of every lab", () => {
  test.each(["demo", "laas", "virtualbox", "metal", "devstack", "devstack-cells", "devstack-embedded"])(
    "%s",
    async (name) => {
      const result = planned(load(name));
      await expect(readable(result)).toMatchFileSnapshot(path.join(FIXTURES, `${name}.plan.yaml`));
      await expect(renderLock(result.lock)).toMatchFileSnapshot(path.join(FIXTURES, `${name}.lock.yaml`));
    },
  );

  test("the LaaS sample has its six domains with four cards each, and its four networks", () => {
    const result = planned(load("laas"));
    const count = (kind: string) => result.resources.filter((one) => one.kind === kind).length;
    expect([count("libvirt:Domain"), count("libvirt:Network"), count("libvirt:Volume")]).toEqual([6, 4, 7]);
    const macs = Object.values(result.lock.macs ?? {}).flatMap((cards) => Object.values(cards));
    expect(new Set(macs).size).toBe(24);
    expect(inputsOf(result, "libvirt:Domain", "master")).toMatchObject({
      cpus: 4,
      memoryMiB: 8047,
      boot: ["hd", "cdrom"],
    });
  });
});

describe("the planner is pure", () => {
  const config = load("demo");
  const bytes = (one: LabConfig, now = NOW) => JSON.stringify(plan(one, emptyLock(), now));

  test("the same input gives the same bytes, and is not changed", () => {
    const frozen = deepFreeze(structuredClone(config));
    const lock = deepFreeze(emptyLock());
    const first = JSON.stringify(plan(frozen, lock, NOW));
    expect(JSON.stringify(plan(frozen, lock, NOW))).toBe(first);
    expect(bytes(config)).toBe(first);
  });

  test("nothing in the plan is shared with the config", () => {
    const own = structuredClone(config);
    const result = planned(own);
    const before = JSON.stringify(result);
    own.backends.here = { kind: "ldap", url: "ldap://changed" };
    for (const key of own.machines.master?.cloudInit?.sshKeys?.keys() ?? [])
      own.machines.master?.cloudInit?.sshKeys?.splice(key, 1, "changed");
    own.vpn?.permanent?.push("changed");
    expect(JSON.stringify(result)).toBe(before);
  });

  test("the order of the config's keys makes no difference, in a plan and in its problems", () => {
    expect(bytes(reversed(config))).toBe(bytes(config));
    const bad = {
      ...config,
      networks: { ...config.networks, zz: { backend: "here", cidr: "10.20.0.0/16" }, aa: { backend: "?" } },
    };
    expect(bytes(reversed(bad))).toBe(bytes(bad));
    expect(plan(bad, emptyLock(), NOW).problems.length).toBeGreaterThan(1);
  });

  test("only the time that it is given passes", () => {
    expect(bytes(config, new Date("2026-11-21T13:00:00Z"))).toBe(bytes(config));
    expect(bytes(config, new Date("2026-11-20T17:00:00Z"))).not.toBe(bytes(config));
  });

  test("trap pulumi-dynamic#13: nothing undefined is among the inputs", () => {
    for (const { inputs } of planned(config).resources)
      expect(JSON.stringify(inputs, (_, value) => (value === undefined ? "UNDEFINED" : value))).not.toContain(
        "UNDEFINED",
      );
  });

  test("trap pulumi-dynamic#11: no input is called id or urn", () => {
    for (const name of ["demo", "laas", "virtualbox", "metal"])
      for (const { inputs } of planned(load(name)).resources)
        for (const reserved of ["id", "urn"]) expect(inputs).not.toHaveProperty(reserved);
  });
});

/** The same config with every map written the other way round. */
function reversed<T>(value: T): T {
  if (Array.isArray(value) || value === null || typeof value !== "object") return value;
  return Object.fromEntries(
    Object.entries(value)
      .reverse()
      .map(([key, field]) => [key, reversed(field)]),
  ) as T;
}

test("two stacks of one lab, and two labs, share no UUID, MAC, bridge or volume name", () => {
  const facts = (id: string, stack: string) => {
    const result = planned({ ...load("demo"), lab: id, stack });
    const inputs = result.resources.map((one) => one.inputs);
    return [
      ...inputs.flatMap(({ uuid, bridge }) => [uuid, bridge]),
      ...result.resources.filter(({ kind }) => kind === "libvirt:Volume").map((one) => one.inputs.name),
      ...Object.values(result.lock.macs ?? {}).flatMap((cards) => Object.values(cards)),
    ].filter((fact) => fact !== undefined);
  };
  const all = [...facts("k3v9q2x7", "dev"), ...facts("k3v9q2x7", "prod"), ...facts("zzzzzzzz", "dev")];
  expect(new Set(all).size).toBe(all.length);
});

test("everything wrong is told at once", () => {
  const config = lab({
    networks: {
      admin: { backend: "rack", cidr: "10.20.0.1/24" },
      back: { backend: "rak", cidr: "10.20.0.0/24" },
    },
    machines: { w1: machine({ cpus: 0 }), w2: machine({ memoryMiB: 1 }) },
    vpn: { backend: "rack", base: "x", users: { a: { sn: "" } } },
  });
  const places = plan(config, emptyLock(), NOW).problems.map(({ path: at }) => at.join("."));
  expect(new Set(places)).toEqual(
    new Set([
      "networks.admin.cidr",
      "networks.back.backend",
      "machines.w1.cpus",
      "machines.w2.memoryMiB",
      "vpn.backend",
      "vpn.base",
      "vpn.users.a.sn",
    ]),
  );
  expect(places).toHaveLength(7);
});

test("a thousand machines: how long a plan takes (printed, not asserted)", () => {
  const machines: Record<string, MachineConfig> = {};
  for (let i = 0; i < 1000; i++)
    machines[`w${i}`] = machine({ networks: [{ network: "admin" }, { network: `net${i % 50}` }] });
  const networks: LabConfig["networks"] = { admin: { backend: "rack", cidr: "10.20.0.0/16" } };
  for (let i = 0; i < 50; i++) networks[`net${i}`] = { backend: "rack", mode: "isolated" };
  const config = lab({ networks, machines });

  const first = timed(() => planned(config));
  const again = timed(() => planned(config, first.value.lock));
  console.log(
    `plan of 1,000 machines, 51 networks, ${first.value.resources.length} resources: ` +
      `${first.ms.toFixed(0)} ms without a lock file, ${again.ms.toFixed(0)} ms with one`,
  );
  expect(addressOf(first.value, "w999")).toBe("10.20.3.233");
  expect(again.value.newFacts).toEqual([]);
});

function timed<T>(work: () => T): { value: T; ms: number } {
  const start = performance.now();
  const value = work();
  return { value, ms: performance.now() - start };
}
