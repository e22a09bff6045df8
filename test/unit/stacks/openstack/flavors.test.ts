import { describe, expect, test } from "vitest";
import type { MachineConfig } from "../../../../stacks/config/types";
import { settle } from "../../../../stacks/openstack/ask";
import type { CloudFacts } from "../../../../stacks/openstack/facts";
import { diskFor } from "../../../../stacks/openstack/flavors";
import { GIB, inputsOf, cloudMachine as server } from "../plan/lab";
import { backend, cloud, IMAGE, planOf, sized, there, told, w1 } from "./cloud";

describe("trap openstack#30: a flavor without a disk, which only administrators may use with an image", () => {
  const bare = { id: "flavor-v1", name: "v1.tiny", vcpus: 1, ram: 1024, disk: 0 };
  const settledWith = (config: MachineConfig, facts: Partial<CloudFacts>) => {
    const settled = settle(planOf({ w1: config }), "cloud", backend(), cloud(facts));
    return [inputsOf(settled, "openstack:compute/Instance", "w1").flavorName, settled.notes];
  };
  const note = expect.stringMatching(/flavor "v1\.tiny" of w1 has no disk.*most clouds refuse it/);

  test("is chosen only where there is no other, and told", () => {
    expect(settledWith(sized({}), { flavors: [bare, ...cloud().flavors] })).toEqual(["m1.small", []]);
    expect(settledWith(sized({}), { flavors: [bare] })).toEqual(["v1.tiny", [note]]);
  });

  test("is told where it is named, for a new server", () => {
    const flavors = [bare, ...cloud().flavors];
    expect(settledWith(server({ flavor: "v1.tiny" }), { flavors })).toEqual(["v1.tiny", [note]]);
    const running = there(undefined, { flavors, servers: [{ ...w1, flavor: { id: bare.id } }] });
    const first = settle(planOf({ w1: server() }), "cloud", backend(), cloud());
    const plan = planOf({ w1: server({ flavor: "v1.tiny" }) }, backend(), { lock: first.lock });
    expect(settle(plan, "cloud", backend(), cloud(running)).notes).toEqual([]);
  });
});

test("a flavor is chosen for its image, too: its memory, its disk, and what it unfolds to", () => {
  const chosen = (parts: object) => {
    const images = new Map([["Debian 12", [{ ...IMAGE, ...parts }]]]);
    const settled = settle(planOf({ w1: sized({}) }), "cloud", backend(), cloud({ images }));
    return inputsOf(settled, "openstack:compute/Instance", "w1").flavorName;
  };
  expect(chosen({})).toBe("m1.small");
  expect(chosen({ min_ram: 4096 })).toBe("m1.medium");
  expect(chosen({ min_disk: 60 })).toBe("m1.large");
  expect(chosen({ size: 2 * GIB, virtual_size: 30 * GIB })).toBe("m1.medium");
  expect(diskFor({ ...IMAGE, size: 2 * GIB + 1, virtual_size: null })).toBe(3);
  const images = new Map([["Debian 12", [{ ...IMAGE, min_disk: 200 }]]]);
  expect(told(planOf({ w1: sized({}) }), cloud({ images }))).toEqual([
    expect.stringMatching(/^machines\.w1: the cloud has no flavor with 1 cpu, 1024 MiB, 200 GiB/),
  ]);
});
