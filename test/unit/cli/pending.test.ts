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
    new Map(),
    definitionOf,
  );
  expect(taken?.deployment.resources?.[1]).toEqual({ ...box("b"), id: "box:b", outputs: box("b").inputs });
  expect(taken?.deployment.pending_operations).toEqual([]);
  expect(taken).toHaveProperty("version", 3);
});

test("updates stay pending; what is in the state already is not doubled", () => {
  const pending = [
    { type: "updating", resource: box("a") },
    { type: "creating", resource: box("a") },
  ];
  const taken = takeInPendingCreates(
    stackOf({ resources: [box("a")], pending_operations: pending }),
    new Map(),
    definitionOf,
  );
  expect(taken?.deployment.resources).toHaveLength(1);
  expect(taken?.deployment.pending_operations).toEqual(pending);
});

test("of the plugin's, what the cloud has is taken in, and what it has not was never made", () => {
  const type = "openstack:compute/instance:Instance";
  const [here, gone] = ["n1", "n2"].map((name) => ({ urn: `urn:pulumi:t::labplan::${type}::${name}`, type }));
  if (!here || !gone) throw new Error();
  const found = new Map([[here.urn, { ...here, id: "s1" }]]);
  const pending = [here, gone].map((resource) => ({ type: "creating", resource }));
  const taken = takeInPendingCreates(
    stackOf({ resources: [], pending_operations: pending }),
    found,
    definitionOf,
  );
  expect(taken?.deployment).toEqual({ resources: [{ ...here, id: "s1" }], pending_operations: [] });
});

test("one that takes the place of another stands where that stood, before what depends on it", () => {
  const old = { ...box("a"), id: "old", pendingReplacement: true };
  const taken = takeInPendingCreates(
    stackOf({
      resources: [old, box("b")],
      pending_operations: [{ type: "creating", resource: box("a") }],
    }),
    new Map(),
    definitionOf,
  );
  expect(taken?.deployment.resources).toEqual([
    { ...box("a"), id: "box:a", outputs: box("a").inputs },
    box("b"),
  ]);
});

test("updates and deletes alone are nothing to take in: the engine drops them by itself", () => {
  const pending = ["updating", "deleting"].map((type) => ({ type, resource: box("a") }));
  const stack = stackOf({ resources: [box("a")], pending_operations: pending });
  expect(takeInPendingCreates(stack, new Map(), definitionOf)).toBeUndefined();
});

test("nothing pending is nothing to do", () => {
  expect(takeInPendingCreates(stackOf({ resources: [box("a")] }), new Map(), definitionOf)).toBeUndefined();
});
