import { expect, test } from "vitest";
import { injectFault } from "../../../../providers/core/faults";

const throws = (kind: string, name: string, title: string, spec: string) =>
  injectFault(kind, name, title, spec).then(
    () => false,
    () => true,
  );

test("a fault hits its kind and step, and its resource where one is named", async () => {
  const spec = "libvirt:Domain/3:throw";
  expect(await throws("libvirt:Domain", "w1", "3/7 define", spec)).toBe(true);
  expect(await throws("libvirt:Domain", "w1", "4/7 start", spec)).toBe(false);
  expect(await throws("libvirt:Domain", "w1", "13/17 start", spec)).toBe(false);
  expect(await throws("libvirt:Network", "w1", "3/7 define", spec)).toBe(false);
  expect(await throws("libvirt:Domain", "w2", "3/7 define", "libvirt:Domain@w1/3:throw")).toBe(false);
  expect(await throws("libvirt:Domain", "w1", "3/7 define", "libvirt:Domain@w1/3:throw")).toBe(true);
});
