import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { describe, expect, test } from "vitest";
import { askClouds, settle } from "../../../../stacks/openstack/ask";
import { GIB, inputsOf, cloudMachine as server } from "../plan/lab";
import { backend, cloud, planOf, sized } from "./cloud";

test("trap openstack#29: variables of another login beside an entry of clouds.yaml are refused", async () => {
  const before = { ...process.env };
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), "labplan-ask-"));
  try {
    const file = path.join(folder, "clouds.yaml");
    fs.writeFileSync(
      file,
      "clouds: { dev: { auth: { auth_url: 'http://127.0.0.1:1', username: ann, password: x, project_name: lab } } }",
    );
    Object.assign(process.env, { OS_CLIENT_CONFIG_FILE: file, OS_PROJECT_ID: "p2", OS_PROJECT_NAME: "lab" });
    const { problems } = await askClouds(planOf({ w1: server() }, backend({ cloud: "dev" })));
    expect(problems).toEqual([
      {
        path: ["backends", "cloud"],
        message:
          'cloud "dev" of clouds.yaml is one login, and OS_PROJECT_ID of the environment would make another one of it: "unset OS_PROJECT_ID".',
      },
    ]);
  } finally {
    process.env = before;
    fs.rmSync(folder, { recursive: true });
  }
});

describe("what only the cloud knows", () => {
  test("comes into the plan: the external network, and the smallest flavor that fits", () => {
    const plan = planOf({
      w1: sized({ cpus: 2, memoryMiB: 3000, disks: [{ sizeBytes: 30 * GIB }], floatingIp: true }),
    });
    const settled = settle(plan, "cloud", backend(), cloud());
    expect(inputsOf(settled, "openstack:networking/Router", "admin").externalNetworkId).toBe("net-1");
    expect(inputsOf(settled, "openstack:networking/FloatingIp", "w1").pool).toBe("public");
    expect(inputsOf(settled, "openstack:compute/Instance", "w1").flavorName).toBe("m1.medium");
    expect(settled.lock.flavors).toEqual({ w1: "m1.medium for 2 cpus, 3000 MiB, 30 GiB" });
    expect(settled.newFacts).toContain("w1 has flavor m1.medium for 2 cpus, 3000 MiB, 30 GiB");
  });

  test("a chosen flavor stays, whatever the cloud offers later", () => {
    const config = sized({ cpus: 2, memoryMiB: 3000 });
    const first = settle(planOf({ w1: config }), "cloud", backend(), cloud());
    const again = planOf({ w1: config }, backend(), { lock: first.lock });
    const smaller = { id: "flavor-a.new", name: "a.new", vcpus: 2, ram: 3000, disk: 0 };
    const settled = settle(again, "cloud", backend(), cloud({ flavors: [smaller, ...cloud().flavors] }));
    expect(inputsOf(settled, "openstack:compute/Instance", "w1").flavorName).toBe("m1.medium");
    expect(settled.newFacts).toEqual([]);
  });
});
