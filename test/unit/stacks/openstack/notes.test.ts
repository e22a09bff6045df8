import { describe, expect, test } from "vitest";
import type { Server } from "../../../../providers/openstack/clients";
import { settle } from "../../../../stacks/openstack/ask";
import { inputsOf, resource, cloudMachine as server } from "../plan/lab";
import { backend, cloud, planOf, there, w1 } from "./cloud";

describe("a server on a network without DHCP", () => {
  const silent = { admin: { backend: "cloud", cidr: "10.20.0.0/24", dhcp: false as const } };
  const first = settle(
    planOf({ w1: server() }, backend(), { networks: silent }),
    "cloud",
    backend(),
    cloud(),
  );
  const again = (parts: Partial<Server>) =>
    settle(
      planOf({ w1: server() }, backend(), { lock: first.lock, networks: silent }),
      "cloud",
      backend(),
      cloud(there(undefined, { servers: [{ ...w1, ...parts }] })),
    );

  test("is told its address by a config drive", () => {
    expect(inputsOf(first, "openstack:compute/Instance", "w1").configDrive).toBe(true);
    expect(resource(first, "openstack:compute/Instance", "w1").ignoreChanges).toBeUndefined();
    expect(again({ config_drive: "True" }).notes).toEqual([]);
  });

  test("and from before it, is not made anew for one, which is told", () => {
    const settled = again({ config_drive: "" });
    expect(resource(settled, "openstack:compute/Instance", "w1").ignoreChanges).toEqual(["configDrive"]);
    expect(settled.notes).toEqual([
      expect.stringMatching(
        /w1 was made without a config drive.*"openstack server delete s1" loses its disk/,
      ),
    ]);
  });
});
