import { describe, expect, test } from "vitest";
import { settle } from "../../../../stacks/openstack/ask";
import type { CloudFacts } from "../../../../stacks/openstack/facts";
import { afterDestroy, parseLock, renderLock } from "../../../../stacks/plan/lock-file";
import { inputsOf, resource, cloudMachine as server } from "../plan/lab";
import { backend, cloud, IMAGE, planOf, there, told } from "./cloud";

describe("an image and a flavor of a server that is there", () => {
  const before = settle(planOf({ w1: server() }), "cloud", backend(), cloud());
  const kept = { ...there(), keptImages: new Map([["image-1", { ...IMAGE, name: "Debian 12 of May" }]]) };
  const rotated = { ...kept, images: new Map([["Debian 12", [{ ...IMAGE, id: "image-2" }]]]) };
  const next = (facts: CloudFacts, machine = server(), image = "Debian 12") => {
    const plan = planOf({ w1: machine }, backend(), { lock: before.lock, image });
    const settled = settle(plan, "cloud", backend(), facts);
    return {
      told: told(plan, facts),
      notes: settled.notes,
      newFacts: settled.newFacts,
      imageId: inputsOf(settled, "openstack:compute/Instance", "w1").imageId,
      ignored: resource(settled, "openstack:compute/Instance", "w1").ignoreChanges,
    };
  };

  test("the image's id comes into the plan and the lock file, and is told", () => {
    expect(inputsOf(before, "openstack:compute/Instance", "w1").imageId).toBe("image-1");
    expect(before.lock.glance).toEqual({ w1: "Debian 12 = image-1" });
    expect(before.newFacts).toContain("w1 has image Debian 12 = image-1");
    expect(parseLock(renderLock(before.lock), "dev.lock.yaml").glance).toEqual(before.lock.glance);
    expect(afterDestroy(before.lock).glance).toBeUndefined();
  });

  test("trap openstack#28: another image under its name, and it stays at its own", () => {
    expect(next(cloud(rotated))).toEqual({
      ...{ told: [], notes: [], newFacts: [], imageId: "image-1" },
      ignored: ["configDrive"],
    });
  });

  test("trap openstack#28: an image that is gone is a note, and no refusal", () => {
    const gone = next(cloud({ ...there(), keptImages: new Map(), images: new Map() }));
    expect(gone).toMatchObject({ told: [], imageId: "image-1", newFacts: [] });
    expect(gone.notes).toEqual([
      'cloud "cloud": image "Debian 12" (image-1) is gone. w1 stays as it is; it could not be made anew with it.',
    ]);
  });

  test("another name is another id, told before anything is touched", () => {
    const images = new Map([["Debian 13", [{ ...IMAGE, id: "image-3", name: "Debian 13" }]]]);
    expect(next(cloud({ ...kept, images }), server(), "Debian 13")).toEqual({
      told: [],
      notes: [],
      newFacts: ["w1 has image Debian 13 = image-3"],
      imageId: "image-3",
    });
    expect(next(cloud(kept), server(), "Debian 14").told).toEqual([
      expect.stringMatching(/no image "Debian 14"/),
    ]);
  });

  test("a server that is to be made again has the lock file's image while it is there, then the name's", () => {
    expect(next(cloud({ ...rotated, servers: [] })).imageId).toBe("image-1");
    const gone = next(cloud({ ...rotated, servers: [], keptImages: new Map() }));
    expect(gone).toMatchObject({ told: [], imageId: "image-2" });
    expect(gone.newFacts).toEqual(["w1 has image Debian 12 = image-2"]);
  });

  test("a flavor that is gone is a note, and its empty name in the state no change", () => {
    const left = cloud().flavors.filter(({ name }) => name !== "m1.small");
    const former = cloud({ ...kept, flavors: left, formerFlavors: new Map([["s1", "m1.small"]]) });
    const gone = next(former);
    expect(gone).toMatchObject({ told: [], ignored: ["configDrive", "flavorName"] });
    expect(gone.notes).toEqual([expect.stringMatching(/flavor "m1\.small" is gone.*w1 stays as it is/)]);
    // A resize to one that is not there is a mistake, as it was.
    expect(next(former, server({ flavor: "m1.huge" })).told).toEqual([
      expect.stringMatching(/no flavor "m1\.huge"/),
    ]);
    expect(next(former, server({ flavor: "m1.large" })).ignored).toEqual(["configDrive"]);
    // A new server needs it.
    expect(next({ ...former, servers: [] }).told).toEqual([expect.stringMatching(/no flavor "m1\.small"/)]);
  });

  test("a zone that is gone is one, too, but for a server that moves there", () => {
    const zone = server({ availabilityZone: "nova" });
    expect(next(cloud({ ...kept, zones: ["other"] }), zone)).toMatchObject({
      told: [],
      notes: [expect.stringMatching(/availability zone "nova" is gone/)],
    });
    expect(next(cloud(kept), server({ availabilityZone: "other" })).told).toEqual([
      expect.stringMatching(/no availability zone "other"/),
    ]);
  });
});

test("a server that gets another card is made anew: its image must be there", () => {
  const first = settle(planOf({ w1: server() }), "cloud", backend(), cloud());
  const more = planOf(
    { w1: server({ networks: [{ network: "admin" }, { network: "storage" }] }) },
    backend(),
    {
      lock: first.lock,
      networks: { storage: { backend: "cloud", cidr: "10.20.3.0/24", mode: "isolated" } },
    },
  );
  const facts = (cards: string[]) => cloud(there(cards, { keptImages: new Map(), images: new Map() }));
  expect(told(more, facts(["w1/admin"]))).toEqual([
    expect.stringMatching(/^machines\.w1\.image: the cloud has no image/),
  ]);
  expect(told(more, facts(["w1/admin", "w1/storage"]))).toEqual([]);
});
