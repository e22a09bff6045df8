import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { afterAll, afterEach, expect, test } from "vitest";
import { TestLab } from "./harness";
import { smallLab } from "./lab-config";

/** Where no plugin is: as on the computer of somebody who has just cloned. */
const home = fs.mkdtempSync(path.join(os.tmpdir(), "lp-home-"));
let lab: TestLab;
afterEach(() => lab.close());
afterAll(() => fs.rmSync(home, { recursive: true, force: true }));

test("trap openstack#34: plain pulumi asks for no plugin of OpenStack in a stack that has no cloud", async () => {
  lab = await TestLab.create(smallLab());
  lab.env = { PULUMI_HOME: home };
  const { code, text } = await lab.run(["preview", "--stack", lab.stack, "--logtostderr", "-v=7"]);
  expect(text).toContain("plugin openstack 3.15.2 already installed");
  expect(text).not.toMatch(/openstack.*(doing install|download)/);
  expect(code).toBe(0);
});
