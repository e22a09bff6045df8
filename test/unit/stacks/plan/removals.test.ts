import { expect, test } from "vitest";
import type { LabConfig } from "../../../../stacks/config/types";
import { emptyLock } from "../../../../stacks/plan/lock-file";
import { plan } from "../../../../stacks/plan/plan";

const NOW = new Date("2026-11-21T00:00:00Z");

function labOf(names: string[], renamed: Record<string, string> = {}): LabConfig {
  const users = names.map((name) => [
    name,
    { sn: "S", ...(renamed[name] ? { formerly: renamed[name] } : {}) },
  ]);
  return {
    lab: "testlab1",
    stack: "dev",
    backends: { people: { kind: "ldap", url: "ldaps://ldap.example" } },
    networks: {},
    images: {},
    machines: {},
    vpn: { backend: "people", base: "ou=People,dc=lab", users: Object.fromEntries(users) },
  };
}

const TEN = ["a", "b", "c", "d", "e", "f", "g", "h", "i", "j"];
const lockOf = (names: string[]) => {
  const { plan: made } = plan(labOf(names), emptyLock(), NOW);
  if (!made) throw new Error("no plan");
  return made.lock;
};

test("two of ten may go, three may not, unless that is allowed", () => {
  const lock = lockOf(TEN);
  expect(plan(labOf(TEN.slice(2)), lock, NOW).problems).toEqual([]);
  const [problem, ...more] = plan(labOf(TEN.slice(3)), lock, NOW).problems;
  expect(more).toEqual([]);
  expect(problem).toMatchObject({
    path: ["vpn", "users"],
    message: expect.stringContaining("3 of 10 VPN users (a, b, c)"),
  });
  expect(plan(labOf(TEN.slice(3)), lock, NOW, { allowRemovals: true }).problems).toEqual([]);
});

test("a renamed user is not gone", () => {
  expect(plan(labOf(["x", "y"], { x: "a", y: "b" }), lockOf(["a", "b"]), NOW).problems).toEqual([]);
});

test("the whole section taken away is a removal of all", () => {
  const { vpn: _, ...without } = labOf([]);
  expect(plan(without, lockOf(["a"]), NOW).problems).toMatchObject([{ path: ["vpn"] }]);
});
