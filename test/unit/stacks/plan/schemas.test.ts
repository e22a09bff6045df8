import "tsx/cjs"; // the registry loads its handlers by require()
import * as fs from "node:fs";
import * as path from "node:path";
import { Ajv } from "ajv";
import { expect, test } from "vitest";
import type { BuildInputs } from "../../../../providers/boot/build";
import { kinds } from "../../../../providers/registry";
import { loadConfig } from "../../../../stacks/config/load";
import { planned } from "./lab";

/** What is planned is what providers take: no field that they do not know, and none missing. */

const FIXTURES = path.join(__dirname, "../../../fixtures/plan");
const ajv = new Ajv({ allErrors: true, strict: false });

function refusals(kind: string, inputs: unknown): string[] {
  const entry = kinds[kind];
  if (!entry) return [`unknown kind ${kind}`];
  const validate = ajv.compile(entry.load().schema);
  return validate(inputs)
    ? []
    : (validate.errors ?? []).map(({ instancePath, message }) => `${kind}${instancePath} ${message}`);
}

const NAMES = ["demo", "laas", "virtualbox", "metal", "devstack", "devstack-cells", "devstack-embedded"];

test.each(NAMES)("every resource of the plan of %s is one that its provider takes", (name) => {
  const file = { path: name, text: fs.readFileSync(path.join(FIXTURES, `${name}.yaml`), "utf8") };
  const { config } = loadConfig({ stack: name, file, readFile: (one) => fs.readFileSync(one, "utf8") });
  if (!config) throw new Error(`${name} does not load`);
  const { resources } = planned(config);
  const found = resources.flatMap(({ kind, inputs }) => {
    const build = inputs as unknown as BuildInputs;
    const parts =
      kind === "boot:Build"
        ? [build.builder, build.disk].map((part) => refusals(part.kind, part.inputs))
        : [];
    return [...refusals(kind, inputs), ...parts.flat()];
  });
  expect(found).toEqual([]);
  expect(resources.length).toBeGreaterThan(5);
});
