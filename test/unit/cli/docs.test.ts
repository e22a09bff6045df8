import { describe, expect, test } from "vitest";
import { type ChangeTableSource, renderChangeTables, renderConfigReference } from "../../../cli/docs";
import type { Definition } from "../../../providers/core/definition";
import { schemas } from "../../../stacks/config/schema";

describe("the config reference", () => {
  const text = renderConfigReference(schemas);

  // To write it anew: npx vitest run --project unit test/unit/cli/docs.test.ts -u
  test("docs/config.md is up to date", async () => {
    await expect(text).toMatchFileSnapshot("../../../docs/config.md");
  });

  test("has a row for each field of each form", () => {
    for (const field of [
      "disk.size",
      "networks[].mac",
      "dhcp.from",
      "wait.timeout",
      "cloudInit.userData",
      "users.<name>.until",
      "kernel.cmdline",
      "power.cipherSuite",
      "imaging.queued",
      "access.sshKeys",
      "fog.capture.from",
    ])
      expect(text).toContain(`| \`${field}\` |`);
  });

  test("tells what is required and what the default is", () => {
    expect(text).toContain("| `uri` | URI | **required** |");
    expect(text).toContain("| `accel` | `auto`, `kvm`, `tcg` | `auto` |");
  });
});

describe("every field of every schema", () => {
  const fields: [string, Record<string, unknown>][] = [];
  const collect = (value: unknown, path: string): void => {
    if (typeof value !== "object" || value === null) return;
    const { properties } = value as { properties?: Record<string, Record<string, unknown>> };
    // A field may itself be called "properties".
    if (!path.endsWith("/examples") && !path.endsWith("/properties"))
      for (const [name, field] of Object.entries(properties ?? {})) fields.push([`${path}/${name}`, field]);
    for (const [key, child] of Object.entries(value))
      if (key !== "examples") collect(child, `${path}/${key}`);
  };
  for (const [id, schema] of Object.entries(schemas)) collect(schema, id);

  test.each(fields)("%s has a description, or takes that of its definition", (_, field) => {
    expect(field.description ?? field.$ref).toBeTruthy();
  });
});

describe("the tables of change classes", () => {
  test("have a row for each field, with class and reason", () => {
    const source: ChangeTableSource = {
      kind: "libvirt:Network",
      changes: {
        mtu: { class: "restart", reason: "libvirt cannot change it in place" },
        dhcp: { class: "live", reason: "edited | in place" },
      },
    };
    const text = renderChangeTables([source]);
    expect(text).toContain("## libvirt:Network\n");
    expect(text).toContain("| `mtu` | restart | libvirt cannot change it in place |");
    expect(text).toContain("| `dhcp` | live | edited \\| in place |");
  });

  test("take a resource's definition as it is", () => {
    const definition = { kind: "a:B", changes: { x: { class: "live", reason: "r" } } } satisfies Partial<
      Definition<{ x: string }>
    >;
    expect(renderChangeTables([definition])).toContain("## a:B");
  });
});
