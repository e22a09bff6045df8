import { expect, test } from "vitest";
import { declaresOpenStack, holdsOpenStack } from "../../../cli/openstack-plugin";

const stateOf = (...types: string[]) => ({
  deployment: { resources: types.map((type, n) => ({ type, urn: `urn:pulumi:t::labplan::${type}::r${n}` })) },
});

test("a stack with a backend on a cloud needs the plugin", () => {
  expect(declaresOpenStack("config:\n  labplan:backends: { c: { kind: openstack, cloud: lab } }\n")).toBe(
    true,
  );
  expect(
    declaresOpenStack('config:\n  labplan:backends: {"a":{"kind":"libvirt"},"c":{"kind":"openstack"}}\n'),
  ).toBe(true);
});

test("one without does not, and words elsewhere do not count", () => {
  const others = [
    "",
    "config:\n",
    "config:\n  labplan:backends: { a: { kind: libvirt } }\n",
    "config:\n  labplan:backends: { a: }\n",
    "config:\n  # kind: openstack\n  labplan:machines: { openstack: { kind: openstack } }\n",
    "config: { not yaml",
  ];
  for (const text of others) expect(declaresOpenStack(text), text).toBe(false);
});

test("a state that still holds resources of a cloud needs it, whatever the file says", () => {
  expect(holdsOpenStack(stateOf("pulumi:pulumi:Stack", "openstack:compute/instance:Instance"))).toBe(true);
  expect(holdsOpenStack(stateOf("pulumi:providers:openstack"))).toBe(true);
  expect(holdsOpenStack(stateOf("pulumi:pulumi:Stack", "pulumi-nodejs:dynamic/openstack:Server"))).toBe(
    false,
  );
  expect(holdsOpenStack({ deployment: {} })).toBe(false);
});
