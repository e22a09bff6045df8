import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { expect, test } from "vitest";
import {
  configure,
  currentSettings,
  isOffline,
  resolveSecret,
  type Settings,
} from "../../../../providers/core/settings";

const settings = (values: Record<string, string>, offline = false): Settings => ({
  backends: {},
  configValue: (key) => values[key],
  offline,
});

test("trap pulumi-dynamic#17: configure takes the backends as JSON and the decrypted values", () => {
  const config: Record<string, string> = {
    "labplan:backends": '{"rack":{"kind":"libvirt","uri":"qemu:///system"}}',
    "labplan:ldapPassword": "pw",
  };
  configure({ get: (key) => config[key] });
  expect(currentSettings().backends.rack).toEqual({ kind: "libvirt", uri: "qemu:///system" });
  expect(currentSettings().configValue("ldapPassword")).toBe("pw");
});

test("a secret is found by name in config, environment and file", () => {
  const file = path.join(fs.mkdtempSync(path.join(os.tmpdir(), "lp-")), "pw");
  fs.writeFileSync(file, "from-file\n");
  process.env.LP_TEST_SECRET = "from-env";
  expect(resolveSecret({ secret: "a" }, settings({ a: "from-config" }))).toBe("from-config");
  expect(resolveSecret({ env: "LP_TEST_SECRET" }, settings({}))).toBe("from-env");
  expect(resolveSecret({ file }, settings({}))).toBe("from-file");
  fs.rmSync(path.dirname(file), { recursive: true });
});

test("a missing secret is named with the command that sets it", () => {
  expect(() => resolveSecret({ secret: "fogApiToken" }, settings({}))).toThrow(
    "pulumi config set --secret fogApiToken",
  );
  expect(() => resolveSecret({ env: "NOT_SET" }, settings({}))).toThrow("NOT_SET is not set");
  expect(() => resolveSecret({ file: "/nowhere/pw" }, settings({}))).toThrow("ENOENT");
});

test("offline resolves nothing, whatever the config names", () => {
  expect(() => resolveSecret({ file: "/etc/hostname" }, settings({}, true))).toThrow("offline");
});

test("a pull request's preview is offline unless told otherwise", () => {
  expect(isOffline({})).toBe(false);
  expect(isOffline({ GITHUB_EVENT_NAME: "pull_request" })).toBe(true);
  expect(isOffline({ GITHUB_EVENT_NAME: "pull_request", LABPLAN_OFFLINE: "0" })).toBe(false);
  expect(isOffline({ GITHUB_EVENT_NAME: "pull_request", LABPLAN_OFFLINE: "" })).toBe(true);
  expect(isOffline({ GITHUB_EVENT_NAME: "pull_request_target" })).toBe(true);
  expect(isOffline({ CI_PIPELINE_SOURCE: "external_pull_request_event" })).toBe(true);
  expect(isOffline({ CI_PIPELINE_SOURCE: "merge_request_event" })).toBe(true);
  expect(isOffline({ LABPLAN_OFFLINE: "1" })).toBe(true);
});
