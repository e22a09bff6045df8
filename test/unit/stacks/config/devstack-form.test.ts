import { describe, expect, test } from "vitest";
import { loadConfig } from "../../../../stacks/config/load";
import { formatProblem } from "../../../../stacks/config/positions";
import type { DevstackConfig } from "../../../../stacks/config/types";

const FILES: Record<string, string> = { "devstack/60-site.sh": "#!/bin/sh\necho site\n" };

function devstackOf(fields: Record<string, unknown>): DevstackConfig {
  const loaded = loadConfig({
    stack: "dev",
    values: {
      lab: "abcd2345",
      backends: { rack: { kind: "libvirt", uri: "qemu:///system" } },
      machines: Object.fromEntries(["ctl", "hv1", "db"].map((name) => [name, { backend: "rack" }])),
      devstack: { branch: "master", layout: { controller: "ctl" }, ...fields },
    },
    readFile: (name) => FILES[name] ?? "",
  });
  expect(loaded.problems.map(formatProblem)).toEqual([]);
  if (!loaded.config?.devstack) throw new Error("no devstack");
  return loaded.config.devstack;
}

describe("short forms of a devstack become long ones", () => {
  test("one machine is a list of one", () => {
    const layout = { controller: "ctl", compute: "hv1", cells: { cell1: { conductor: "db" } } };
    expect(devstackOf({ layout }).layout).toEqual({
      controller: ["ctl"],
      compute: ["hv1"],
      cells: { cell1: { conductor: "db" } },
    });
  });

  test("an overlay and a plugin in a word", () => {
    const url = "https://opendev.org/openstack/heat";
    expect(devstackOf({ overlay: "vxlan", plugins: { heat: url } })).toMatchObject({
      overlay: { kind: "vxlan" },
      plugins: { heat: { url } },
    });
  });

  test("settings for all nodes stand at the top, as those of a role stand in it", () => {
    const settings = { services: { tempest: false }, localConf: { localrc: { DEBUG: true } } };
    const long = { services: { tempest: false }, localrc: { DEBUG: true } };
    expect(devstackOf({ ...settings, roles: { compute: settings }, nodes: { hv1: settings } })).toMatchObject(
      {
        shared: long,
        roles: { compute: long },
        nodes: { hv1: long },
      },
    );
  });

  test("durations are seconds", () => {
    expect(
      devstackOf({ timeout: "1h", silence: "90s", verify: { boot: { image: "cirros", timeout: "2m" } } }),
    ).toMatchObject({ timeoutS: 3600, silenceS: 90, verify: { boot: { image: "cirros", timeoutS: 120 } } });
    expect(devstackOf({ verify: { boot: false } }).verify).toEqual({ boot: false });
  });

  test("patches and extras are texts, or files of the project", () => {
    const { patches, extras } = devstackOf({
      patches: { "01.patch": "--- a\n+++ b\n" },
      extras: { "60-site.sh": { file: "devstack/60-site.sh" } },
    });
    expect(patches).toEqual({ "01.patch": "--- a\n+++ b\n" });
    expect(extras).toEqual({ "60-site.sh": "#!/bin/sh\necho site\n" });
  });
});
