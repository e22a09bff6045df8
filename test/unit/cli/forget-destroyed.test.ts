import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { afterAll, expect, test } from "vitest";
import { forgetDestroyed, isEmptied } from "../../../cli/forget-destroyed";
import { emptyLock, parseLock, renderLock } from "../../../stacks/plan/lock-file";
import { planned } from "../stacks/plan/lab";
import { labOf } from "../stacks/plan/vpn-lab";

const folder = fs.mkdtempSync(path.join(os.tmpdir(), "labplan-forget-"));
afterAll(() => fs.rmSync(folder, { recursive: true, force: true }));

const written = (text: string): string => {
  const file = path.join(folder, "dev.lock.yaml");
  fs.writeFileSync(file, text);
  return file;
};

test("after a destroy the vpn section can be dropped, with no word on removals", () => {
  const { lock } = planned(labOf(["alice", "bob"]));
  const file = written(renderLock(lock));
  expect(forgetDestroyed(file)).toBe(true);
  const left = parseLock(fs.readFileSync(file, "utf8"), file);
  expect(left).toEqual({ ...emptyLock(), addresses: lock.addresses, macs: lock.macs });
  expect(left.users).toBeUndefined();
});

test("a lock file with nothing to forget, and none at all, are left alone", () => {
  const text = "# mine\nversion: 1\ncidrs: { a: 10.1.0.0/24 }\n";
  const file = written(text);
  expect(forgetDestroyed(file)).toBe(false);
  expect(fs.readFileSync(file, "utf8")).toBe(text);
  expect(forgetDestroyed(path.join(folder, "none.lock.yaml"))).toBe(false);
});

test("a stack is empty when nothing but the engine's own is in it", () => {
  const state = (...types: string[]) => ({
    deployment: { resources: types.map((type) => ({ urn: `urn:${type}`, type })) },
  });
  expect(isEmptied({ deployment: {} })).toBe(true);
  expect(isEmptied(state("pulumi:pulumi:Stack", "pulumi:providers:openstack"))).toBe(true);
  expect(isEmptied(state("pulumi:pulumi:Stack", "pulumi-nodejs:dynamic/ldap:User"))).toBe(false);
});
