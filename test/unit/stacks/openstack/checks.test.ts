import { describe, expect, test } from "vitest";
import type { Server } from "../../../../providers/openstack/clients";
import { KEY, cloudMachine as server } from "../plan/lab";
import { backend, cloud, IMAGE, planOf, sized, told } from "./cloud";

describe("what a cloud would refuse", () => {
  test("is nothing, where it has all of it", () => {
    expect(told(planOf({ w1: server() }), cloud())).toEqual([]);
  });

  test("is an image that it does not have, has twice, or has in pieces", () => {
    const image = (...images: (typeof IMAGE)[]) =>
      told(planOf({ w1: server() }), cloud({ images: new Map([["Debian 12", images]]) }));
    expect(image()).toEqual([
      expect.stringMatching(/^machines\.w1\.image: the cloud has no image "Debian 12"/),
    ]);
    expect(image(IMAGE, IMAGE)).toEqual([expect.stringMatching(/2 images called "Debian 12"/)]);
    expect(image({ ...IMAGE, status: "queued" })).toEqual([expect.stringMatching(/is queued/)]);
    expect(image({ ...IMAGE, min_disk: 30 })).toEqual([
      expect.stringMatching(
        /^machines\.w1\.flavor: image "Debian 12" needs 0 MiB of memory and 30 GiB of disk/,
      ),
    ]);
  });

  test("is a flavor or a zone that it does not have, with a near one", () => {
    expect(told(planOf({ w1: server({ flavor: "m1.smal", availabilityZone: "nvoa" }) }), cloud())).toEqual([
      expect.stringMatching(/^machines\.w1\.flavor: the cloud has no flavor "m1\.smal".*"m1\.small"/),
      expect.stringMatching(
        /^machines\.w1\.availabilityZone: the cloud has no availability zone "nvoa".*"nova"/,
      ),
    ]);
    expect(told(planOf({ w1: sized({ cpus: 64 }) }), cloud())).toEqual([
      expect.stringMatching(
        /^machines\.w1: the cloud has no flavor with 64 cpus.*The largest is "m1\.large"/,
      ),
    ]);
  });

  test("is an external network that is not there, or of which there are several", () => {
    const plan = planOf({ w1: server() });
    const two = {
      externalNetworks: [
        { id: "a", name: "public" },
        { id: "b", name: "campus" },
      ],
    };
    expect(told(plan, cloud({ externalNetworks: [] }))).toEqual([
      expect.stringMatching(/^backends\.cloud: the cloud has no external network/),
    ]);
    expect(told(plan, cloud(two))).toEqual([
      expect.stringMatching(/2 external networks: public, campus\. Say which/),
    ]);
    const named = planOf({ w1: server() }, backend({ externalNetwork: "campus" }));
    expect(told(named, cloud(two))).toEqual([]);
    expect(told(named, cloud())).toEqual([
      expect.stringMatching(/^backends\.cloud\.externalNetwork: the cloud has no external network "campus"/),
    ]);
  });

  test("is a keypair of our name with another key", () => {
    const plan = planOf({ w1: server() });
    const keypair = plan.resources.find(({ kind }) => kind === "openstack:compute/Keypair");
    const name = String(keypair?.inputs.name);
    // Without its comment it is the same key.
    expect(told(plan, cloud({ keypairs: new Map([[name, KEY.split(" ").slice(0, 2).join(" ")]]) }))).toEqual(
      [],
    );
    expect(told(plan, cloud({ keypairs: new Map([[name, "ssh-rsa AAAA"]]) }))).toEqual([
      expect.stringMatching(
        /^backends\.cloud: the cloud has a keypair "lp-k3v9q2x7-dev-.*" with another key/,
      ),
    ]);
  });
});

test("trap openstack#15: a server of ours in ERROR is a refusal with nova's own words, a stranger's is not", () => {
  const broken: Server = {
    id: "s1",
    name: "w1",
    status: "ERROR",
    metadata: { labplan: "k3v9q2x7/dev/w1" },
    addresses: {},
    fault: { code: 500, message: "No valid host was found." },
    "OS-SRV-USG:launched_at": null,
  };
  const plan = planOf({ w1: server() });
  expect(told(plan, cloud({ servers: [broken] }))).toEqual([
    'machines.w1: its server is in state ERROR: No valid host was found. It never ran: delete it ("openstack server delete s1"), and "pulumi up" makes it anew.',
  ]);
  // One that ran has a disk.
  const ran = { ...broken, "OS-SRV-USG:launched_at": "2026-11-01T10:00:00.000000" };
  expect(told(plan, cloud({ servers: [ran] }))).toEqual([
    expect.stringMatching(/openstack server reboot --hard s1".*Deleting it loses its disk/),
  ]);
  expect(told(plan, cloud({ servers: [{ ...broken, metadata: {} }] }))).toEqual([]);
});
