import { expect, test } from "vitest";
import { median } from "../../../bench/measure";
import { pairsConfig } from "../../../bench/pairs";

test("trap libvirt#56: the bench's machines stay off, as those of the raw floor that only defines them", () => {
  const { machines, networks } = pairsConfig(300, { kind: "embedded" }) as {
    machines: Record<string, { running: boolean }>;
    networks: Record<string, { cidr: string }>;
  };
  expect(Object.values(machines).every(({ running }) => running === false)).toBe(true);
  expect(new Set(Object.values(networks).map(({ cidr }) => cidr)).size).toBe(300);
});

test("the median of an even number of runs lies between the middle two", () => {
  expect(median([4, 1, 3, 2])).toBe(2.5);
  expect(median([5, 1, 9])).toBe(5);
});
