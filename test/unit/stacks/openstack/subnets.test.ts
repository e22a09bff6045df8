import { describe, expect, test } from "vitest";
import type { MachineConfig } from "../../../../stacks/config/types";
import { settle } from "../../../../stacks/openstack/ask";
import { cloudMachine as server } from "../plan/lab";
import { backend, cloud, planOf, there, told } from "./cloud";

describe("another CIDR of a network", () => {
  const first = settle(planOf({ w1: server(), w2: server() }), "cloud", backend(), cloud());
  const moved = (parts: Partial<MachineConfig> = {}, image = "Debian 12") =>
    planOf({ w1: server(parts), w2: server() }, backend(), {
      lock: first.lock,
      image,
      networks: { admin: { backend: "cloud", cidr: "10.21.0.0/24" } },
    });
  const facts = cloud(there());

  test("is refused in the preview where servers on it would lose their disks", () => {
    expect(told(moved(), facts)).toEqual([
      "networks.admin.cidr: a network of a cloud gets another CIDR by being made anew, with the servers on it, and what is on their disks is lost: w1. If that is meant, add `allow: [wipe]` to each until it is done; if not, set `cidr: 10.20.0.0/24` again.",
    ]);
    // w2 is not there yet, and without a server there is nothing to lose.
    expect(told(moved(), cloud(there([], { servers: [] })))).toEqual([]);
    expect(told(planOf({ w1: server() }, backend(), { lock: first.lock }), facts)).toEqual([]);
  });

  test("is a note where that is said", () => {
    const plan = moved({ allow: ["wipe"] });
    expect(told(plan, facts)).toEqual([]);
    expect(settle(plan, "cloud", backend(), facts).notes).toEqual([
      'cloud "cloud": network "admin" gets 10.21.0.0/24 for 10.20.0.0/24: it is made anew, with the servers on it, and what is on their disks is lost: w1.',
    ]);
  });

  test("needs the image and the flavor of each server again", () => {
    const gone = cloud(there(["w1/admin"], { keptImages: new Map(), images: new Map(), flavors: [] }));
    const image = expect.stringMatching(/^machines\.w\d\.image: the cloud has no image/);
    const flavor = expect.stringMatching(/^machines\.w\d\.flavor: the cloud has no flavor/);
    expect(told(moved({ allow: ["wipe"] }), gone)).toEqual([image, flavor, image, flavor]);
  });
});
