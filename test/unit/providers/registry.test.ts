import "tsx/cjs"; // the registry loads its handlers by require()
import * as fs from "node:fs";
import * as path from "node:path";
import { describe, expect, test } from "vitest";
import { renderChangeTables } from "../../../cli/docs";
import { providerCode } from "../../../providers/core/resource";
import { kinds, provider } from "../../../providers/registry";

const all = Object.entries(kinds).map(([kind, entry]) => ({ kind, entry, definition: entry.load() }));
const ours = all.filter(({ kind }) => kind !== "lab:Null");

describe.each(all)("$kind", ({ kind, entry, definition }) => {
  test("is registered under its own name, with its own secret outputs", () => {
    expect(definition.kind).toBe(kind);
    expect([...(entry.secretOutputs ?? [])]).toEqual([...(definition.secretOutputs ?? [])]);
  });

  test("trap pulumi-dynamic#11: no input is called id or urn, or begins with __", () => {
    const inputs = Object.keys(definition.changes);
    expect(inputs.filter((name) => name === "id" || name === "urn" || name.startsWith("__"))).toEqual([]);
  });

  test("trap pulumi-dynamic#3: its stored code is at most 120 bytes", () => {
    expect(Buffer.byteLength(providerCode(kind))).toBeLessThanOrEqual(120);
  });
});

test("every change has a class and a reason of its own words", () => {
  for (const { kind, definition } of ours)
    for (const [field, rule] of Object.entries(
      definition.changes as Record<string, { class: string; reason: string }>,
    )) {
      expect(["live", "restart", "recreate", "wipe", "ignored"], `${kind}.${field}`).toContain(rule.class);
      expect(rule.reason.length, `${kind}.${field}`).toBeGreaterThan(8);
    }
});

test("every input of a schema has a change class, and no other", () => {
  for (const { kind, definition } of ours) {
    const { properties = {} } = definition.schema as { properties?: object };
    expect(Object.keys(properties).sort(), kind).toEqual(Object.keys(definition.changes).sort());
  }
});

// To write it anew: npx vitest run --project unit test/unit/providers/registry.test.ts -u
test("docs/changes.md is up to date", async () => {
  await expect(renderChangeTables(ours.map(({ definition }) => definition as never))).toMatchFileSnapshot(
    "../../../docs/changes.md",
  );
});

test("an unknown kind in a state says what to do", () => {
  expect(() => provider("moon:Base")).toThrow('unknown resource kind "moon:Base"');
});

test("trap pulumi-dynamic#1, pulumi-dynamic#2: Pulumi.yaml sets no runtime option and no main; package.json does", () => {
  const root = path.resolve(__dirname, "../../..");
  const project = fs.readFileSync(path.join(root, "Pulumi.yaml"), "utf8");
  expect(project).toMatch(/^runtime: nodejs$/m);
  expect(project).not.toMatch(/^main:/m);
  expect(JSON.parse(fs.readFileSync(path.join(root, "package.json"), "utf8")).main).toBe("stacks/main.ts");
});
