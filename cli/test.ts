import * as fs from "node:fs";
import { available as realFogAvailable } from "../test/systems/fog/real-server";
import { available as validatorsAvailable } from "../test/systems/kickstart/start";
import { available as ldapAvailable } from "../test/systems/ldap/start";
import { available as libvirtAvailable } from "../test/systems/libvirt/start";
import { available as openStackAvailable } from "../test/systems/openstack/start";
import { available as bmcAvailable } from "../test/systems/power/start";
import { miniAvailable } from "../test/systems/pxe/mini";
import { available as networkBootAvailable } from "../test/systems/pxe/start";
import { available as sshAvailable } from "../test/systems/ssh/start";
import { available as virtualBoxAvailable } from "../test/systems/virtualbox/start";
import { runVitest } from "./test-runs";

/** What can be had here, and why something cannot: printed before the tests, because a skip must have a reason. */
function tiers(): [string, string | undefined][] {
  return [
    ["embedded lab", undefined],
    ["Pulumi engine", undefined],
    ["real libvirtd", libvirtAvailable()],
    ["real slapd", ldapAvailable()],
    ["real sshd", sshAvailable()],
    ["real VBoxManage", virtualBoxAvailable()],
    ["BMCs", bmcAvailable()],
    ["network boots", networkBootAvailable() ?? miniAvailable()],
    ["OpenStack APIs", openStackAvailable()],
    ["ksvalidator", validatorsAvailable()],
  ];
}

/** What no package has, in CI neither: only who has one of their own can test on it. */
function ownSystems(): [string, string | undefined][] {
  return [["real FOG server", realFogAvailable()]];
}

/** The OpenStack tests need the plugin as well: gotten before them, because that may take minutes. */
async function pluginProblem(): Promise<string | undefined> {
  const { ensureOpenStackPlugin } = await import("../engine/openstack-plugin.mjs");
  return ensureOpenStackPlugin().then(
    () => undefined,
    (error: Error) => error.message,
  );
}

/** `npm test [-- vitest's arguments]`: every tier that can run here. Installs nothing on the system. */
export async function runTests(args: string[]): Promise<number> {
  const noPlugin = openStackAvailable() ? undefined : await pluginProblem();
  if (noPlugin) console.error(noPlugin);
  if (noPlugin && process.env.CI) return 1;
  const missing = tiers().filter(([, reason]) => reason);
  console.log("Tests run on:");
  for (const [name, reason] of [...tiers(), ...ownSystems()])
    console.log(`  ${name.padEnd(15)} ${reason ? `NOT RUN: ${reason}` : "yes"}`);
  if (missing.length > 0)
    console.log('  "npm run systems" installs the real ones (as root, Debian or Ubuntu).');
  if (missing.length > 0 && process.env.CI) {
    console.error("In CI a missing real system is a failure.");
    return 1;
  }
  fs.mkdirSync(".labplan", { recursive: true, mode: 0o700 });
  return runVitest(args);
}
