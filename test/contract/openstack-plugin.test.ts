import { execFileSync } from "node:child_process";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { basename, dirname, join } from "node:path";
import { beforeAll, describe, expect, test } from "vitest";
import { ensureOpenStackPlugin, openStackPluginFile } from "../../engine/openstack-plugin.mjs";
import { PULUMI } from "../lifecycle/harness";
import { available } from "../systems/openstack/start";

/** What the plugin says of itself. */
interface Schema {
  resources: Record<string, { inputProperties?: object; properties?: object; requiredInputs?: string[] }>;
  functions: Record<string, object>;
}

const ROOT = join(__dirname, "..", "..");
const SDK = join(ROOT, "node_modules", "@pulumi", "openstack");

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

const KEYPAIR = `
const openstack = require("@pulumi/openstack");
const cloud = { authUrl: "http://127.0.0.1:9/v3", userName: "u", password: "p", tenantName: "t" };
const useOctavia = { true: true, false: false }[process.env.USE_OCTAVIA];
const provider = new openstack.Provider("p", { ...cloud, ...(useOctavia === undefined ? {} : { useOctavia }) });
new openstack.compute.Keypair("k", {}, { provider });
`;

/** It takes minutes to build, so nobody waits for it who has no OpenStack to test on. */
const reason = existsSync(openStackPluginFile()) ? undefined : available();

describe.skipIf(reason && !process.env.CI)(
  `the OpenStack plugin${reason ? ` (not run: ${reason})` : ""}`,
  () => {
    let schema: Schema;
    beforeAll(async () => {
      const plugin = await ensureOpenStackPlugin();
      const argv = ["package", "get-schema", plugin];
      const options = { encoding: "utf8" as const, maxBuffer: 64 * 1024 * 1024 };
      schema = JSON.parse(execFileSync(PULUMI, argv, options));
    }, 900_000);

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

    test("trap openstack#4: a run warns of use_octavia once, whether it is set or not, and goes on", {
      timeout: 240_000,
    }, () => {
      const folder = mkdtempSync(join(tmpdir(), "labplan-octavia-"));
      try {
        mkdirSync(join(folder, "state"));
        symlinkSync(join(ROOT, "node_modules"), join(folder, "node_modules"));
        writeFileSync(join(folder, "Pulumi.yaml"), "name: t\nruntime: nodejs\n");
        writeFileSync(join(folder, "package.json"), JSON.stringify({ main: "keypair.js" }));
        writeFileSync(join(folder, "keypair.js"), KEYPAIR);
        const pulumi = (argv: string[], useOctavia = "") => {
          const env = {
            ...process.env,
            PULUMI_BACKEND_URL: `file://${join(folder, "state")}`,
            PULUMI_CONFIG_PASSPHRASE: "x",
            PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION: "true",
            USE_OCTAVIA: useOctavia,
          };
          const options = { cwd: folder, env, encoding: "utf8" as const };
          return execFileSync(PULUMI, [...argv, "--non-interactive", "--color", "never"], options);
        };
        pulumi(["stack", "init", "t"]);
        for (const setting of ["", "true", "false"]) {
          const { steps, diagnostics } = JSON.parse(pulumi(["preview", "--json"], setting)) as {
            steps: { op: string }[];
            diagnostics: { message: string; severity: string }[];
          };
          const warnings = diagnostics.filter(({ severity }) => severity === "warning");
          expect(warnings.map(({ message }) => message)).toEqual([expect.stringContaining("use_octavia")]);
          expect(steps.map(({ op }) => op)).toEqual(["create", "create", "create"]);
        }
      } finally {
        rmSync(folder, { recursive: true, force: true });
      }
    });
  },
);
