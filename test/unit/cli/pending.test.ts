import { expect, test } from "vitest";
import { type ExportedStack, takeInPendingCreates } from "../../../cli/pending";

const urn = (name: string) => `urn:pulumi:t::labplan::pulumi-nodejs:dynamic/test:Box::${name}`;
const box = (name: string) => ({
  urn: urn(name),
  type: "pulumi-nodejs:dynamic/test:Box",
  inputs: { name, __mark: `l/t/${name}` },
});
const definitionOf = (kind: string) =>
  kind === "test:Box" ? ({ id: ({ name }: { name: string }) => `box:${name}` } as never) : undefined;
const stackOf = (deployment: ExportedStack["deployment"]) => ({ version: 3, deployment });

test("a create under way becomes a resource with its id, and is pending no more", () => {
  const taken = takeInPendingCreates(
    stackOf({ resources: [box("a")], pending_operations: [{ type: "creating", resource: box("b") }] }),
    definitionOf,
  );
  expect(taken?.deployment.resources?.[1]).toEqual({ ...box("b"), id: "box:b", outputs: box("b").inputs });
  expect(taken?.deployment.pending_operations).toEqual([]);
  expect(taken).toHaveProperty("version", 3);
});

test("updates, deletes and others' resources stay pending; what is in the state already is not doubled", () => {
  const pending = [
    { type: "updating", resource: box("a") },
    { type: "creating", resource: { urn: "urn:other", type: "openstack:compute/instance:Instance" } },
    { type: "creating", resource: box("a") },
  ];
  const taken = takeInPendingCreates(
    stackOf({ resources: [box("a")], pending_operations: pending }),
    definitionOf,
  );
  expect(taken?.deployment.resources).toHaveLength(1);
  expect(taken?.deployment.pending_operations).toEqual(pending);
});

test("nothing pending is nothing to do", () => {
  expect(takeInPendingCreates(stackOf({ resources: [box("a")] }), definitionOf)).toBeUndefined();
});
