import { describe, expect, test } from "vitest";
import { cloudMachine as server } from "../plan/lab";
import { backend, cloud, planOf, there, told } from "./cloud";

describe("trap openstack#16: the quota", () => {
  const room = (limit: number, used: number) => ({ limit, used });

  test("is compared with what exists and what is planned, all of it at once", () => {
    const plan = planOf({ w1: server({ floatingIp: true }), w2: server({ flavor: "m1.large" }) });
    expect(
      told(
        plan,
        cloud({
          quota: {
            instances: room(10, 9),
            cores: room(20, 16),
            ram: room(51_200, 1_000),
            port: room(6, 3),
            floatingip: room(50, 50),
            security_group: room(10, 9),
          },
        }),
      ),
    ).toEqual([
      'backends.cloud: the project\'s quota has no room for 2 more servers (9 of 10 are used), 5 more cores (16 of 20 are used), 4 more ports (3 of 6 are used), 1 more floating IPs (50 of 50 are used). Have it raised ("openstack quota set"), or ask for less.',
    ]);
  });

  test("counts nothing of ours twice, and no limit is none", () => {
    const plan = planOf({ w1: server() });
    const { described } = there();
    expect(
      told(
        plan,
        // Its router's interface and its DHCP server come yet.
        cloud({
          ...there(),
          quota: { instances: room(1, 1), port: room(3, 1), cores: room(1, 1), ram: room(-1, 9) },
        }),
      ),
    ).toEqual([]);
    expect(told(plan, cloud({ described: described as never, quota: { instances: room(1, 1) } }))).toEqual([
      expect.stringMatching(/1 more servers \(1 of 1 are used\)/),
    ]);
  });

  test("has room for what a resize takes more of", () => {
    const resized = (flavor: string) =>
      told(
        planOf({ w1: server({ flavor }) }),
        cloud({ ...there(), quota: { instances: room(1, 1), cores: room(3, 1), ram: room(4_096, 2_048) } }),
      );
    // From 1 core and 2048 MiB.
    expect(resized("m1.medium")).toEqual([]);
    expect(resized("m1.large")).toEqual([
      expect.stringMatching(/no room for 3 more cores \(1 of 3 are used\), 6144 more MiB of memory/),
    ]);
  });

  test("has a port for the DHCP server of a new network, and none without DHCP", () => {
    const ports = (dhcp: boolean, limit: number) =>
      told(
        planOf({}, backend(), {
          networks: { admin: { backend: "cloud", cidr: "10.20.0.0/24", mode: "isolated", dhcp } },
        }),
        cloud({ quota: { port: room(limit, 0) } }),
      );
    expect(ports(true, 0)).toEqual([expect.stringMatching(/1 more ports \(0 of 0 are used\)/)]);
    expect(ports(true, 1)).toEqual([]);
    expect(ports(false, 0)).toEqual([]);
  });
});
