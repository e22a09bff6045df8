import { execFileSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { beforeAll, expect, test } from "vitest";
import { PULUMI } from "../lifecycle/harness";

/** What the plugin says of itself. */
interface Schema {
  resources: Record<string, { inputProperties?: object; properties?: object; requiredInputs?: string[] }>;
  functions: Record<string, object>;
}

const ROOT = join(__dirname, "..", "..");
const SDK = join(ROOT, "node_modules", "@pulumi", "openstack");

let schema: Schema;
beforeAll(async () => {
  const { ensureOpenStackPlugin } = await import("../../engine/openstack-plugin.mjs");
  const plugin = await ensureOpenStackPlugin();
  const argv = ["package", "get-schema", plugin];
  const options = { encoding: "utf8" as const, maxBuffer: 64 * 1024 * 1024 };
  schema = JSON.parse(execFileSync(PULUMI, argv, options));
}, 900_000);

/** Tokens of the SDK's own code. */
const tokensOf = (pattern: RegExp): Set<string> => {
  const sources = readdirSync(SDK, { recursive: true, encoding: "utf8" }).filter((file) =>
    file.endsWith(".js"),
  );
  return new Set(
    sources.flatMap((file) =>
      [...readFileSync(join(SDK, file), "utf8").matchAll(pattern)].flatMap(([, token]) => token ?? []),
    ),
  );
};
const resources = () => tokensOf(/__pulumiType = '(openstack:[^']+)'/g);
const functions = () => tokensOf(/pulumi\.runtime\.invoke\("(openstack:[^"]+)"/g);

/** Property names of one resource, from the SDK's types. */
function typesOf(token: string) {
  const [, module = "", name = ""] = token.split(":");
  const folder = join(SDK, dirname(module));
  const wanted = `${basename(module).toLowerCase()}.d.ts`;
  const file = readdirSync(folder).find((entry) => entry.toLowerCase() === wanted) ?? wanted;
  if (!existsSync(join(folder, file))) throw new Error(`${token}: the SDK has no ${file}`);
  const text = readFileSync(join(folder, file), "utf8");
  const names = (part: string, pattern: RegExp) =>
    [...part.matchAll(pattern)].map(([, key]) => key ?? "").sort();
  const args = text.slice(text.indexOf(`interface ${name}Args`));
  const body = text.slice(text.indexOf(`class ${name} `), text.indexOf("constructor(name"));
  return {
    inputs: names(args, /^ {4}(\w+)\??:/gm),
    required: names(args, /^ {4}(\w+):/gm),
    outputs: names(body, /^ {4}readonly (\w+):/gm),
  };
}

test("trap openstack#3: the plugin has every resource and function of the SDK, and no other", () => {
  expect(Object.keys(schema.resources).sort()).toEqual([...resources()].sort());
  expect(Object.keys(schema.functions).sort()).toEqual([...functions()].sort());
  expect(resources().size).toBe(105);
  expect(functions().size).toBe(53);
});

test("trap openstack#3: each resource has the SDK's inputs and outputs, and wants the same ones", () => {
  let inputs = 0;
  for (const [token, resource] of Object.entries(schema.resources)) {
    const said = {
      inputs: Object.keys(resource.inputProperties ?? {}).sort(),
      required: [...(resource.requiredInputs ?? [])].sort(),
      outputs: Object.keys(resource.properties ?? {}).sort(),
    };
    expect(said, token).toEqual(typesOf(token));
    inputs += said.inputs.length;
  }
  expect(inputs).toBe(956);
});

test("the list that the plugin is built by is the SDK's own", () => {
  const listed = readFileSync(join(ROOT, "engine", "openstack-plugin", "provider", "tokens.txt"), "utf8");
  const lines = [
    ...[...resources()].map((token) => `resource ${token}`),
    ...[...functions()].map((token) => `function ${token}`),
  ];
  expect(listed.trim().split("\n").sort()).toEqual(lines.sort());
});
