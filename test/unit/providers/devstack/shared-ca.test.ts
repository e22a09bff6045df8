import { spawnSync } from "node:child_process";
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { SHARE_CA } from "../../../../providers/devstack/shared-ca";

let folder = "";
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "labplan-ca-"));
});
afterEach(() => rmSync(folder, { recursive: true }));

it("half a CA that came before the link broke does not stay: a key is in it", () => {
  const devstack =
    "init_CA() { :; }; is_service_enabled() { :; }; ssh() { echo 'half a key'; return 255; }; SERVICE_HOST=10.0.0.1 HOST_IP=10.0.0.2";
  const { status, stderr } = spawnSync("bash", ["-c", `${devstack}\n${SHARE_CA}`], {
    encoding: "utf8",
    env: { PATH: process.env.PATH, DATA_DIR: folder },
  });
  expect([status, stderr]).toEqual([1, expect.stringMatching(/the CA of 10.0.0.1 could not be fetched/)]);
  expect(readdirSync(folder)).toEqual([]);
});
