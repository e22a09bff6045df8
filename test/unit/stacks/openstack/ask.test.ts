import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { describe, expect, test } from "vitest";
import type { Server } from "../../../../providers/openstack/clients";
import type { LabConfig, MachineConfig, OpenStackBackend } from "../../../../stacks/config/types";
import { askClouds, settle } from "../../../../stacks/openstack/ask";
import { checkCloud } from "../../../../stacks/openstack/checks";
import { type CloudFacts, NETWORK_THINGS } from "../../../../stacks/openstack/facts";
import { diskFor } from "../../../../stacks/openstack/flavors";
import { afterDestroy, parseLock, renderLock } from "../../../../stacks/plan/lock-file";
import type { LabPlan, Lock } from "../../../../stacks/plan/types";
import { GIB, inputsOf, KEY, planned, resource, cloudMachine as server } from "../plan/lab";

const backend = (parts: Partial<OpenStackBackend> = {}): OpenStackBackend => ({
  kind: "openstack",
  ...parts,
});

/** Sizes instead of a flavor. */
const sized = (parts: Partial<MachineConfig>): MachineConfig => {
  const { flavor: _named, ...rest } = server(parts);
  return rest;
};

type Given = { lock?: Lock; image?: string; networks?: NonNullable<LabConfig["networks"]> };

const planOf = (
  machines: Record<string, MachineConfig>,
  cloud = backend(),
  { lock, image = "Debian 12", networks = {} }: Given = {},
): LabPlan =>
  planned(
    {
      lab: "k3v9q2x7",
      stack: "dev",
      backends: { cloud },
      networks: { admin: { backend: "cloud", cidr: "10.20.0.0/24" }, ...networks },
      images: { debian12: { glance: { name: image, user: "debian" } } },
      machines,
    } satisfies LabConfig,
    lock,
  );

const IMAGE = { id: "image-1", name: "Debian 12", status: "active", min_disk: 0, min_ram: 0 };

/** A cloud that has all that the labs here ask for. */
const cloud = (parts: Partial<CloudFacts> = {}): CloudFacts => ({
  images: new Map([["Debian 12", [IMAGE]]]),
  keptImages: new Map(),
  formerFlavors: new Map(),
  flavors: [
    { id: "flavor-m1.large", name: "m1.large", vcpus: 4, ram: 8192, disk: 80 },
    { id: "flavor-m1.small", name: "m1.small", vcpus: 1, ram: 2048, disk: 20 },
    { id: "flavor-m1.medium", name: "m1.medium", vcpus: 2, ram: 4096, disk: 40 },
    { id: "flavor-c1.medium", name: "c1.medium", vcpus: 4, ram: 4096, disk: 40 },
  ],
  externalNetworks: [{ id: "net-1", name: "public" }],
  zones: ["nova"],
  keypairs: new Map(),
  servers: [],
  described: Object.fromEntries(
    NETWORK_THINGS.map((thing) => [thing, []]),
  ) as unknown as CloudFacts["described"],
  subnets: new Map(),
  quota: {},
  ...parts,
});

/** What a lab's server, its card and its network are known by in the cloud. */
const w1: Server = {
  id: "s1",
  name: "w1",
  status: "ACTIVE",
  metadata: { labplan: "k3v9q2x7/dev/w1" },
  addresses: {},
  image: { id: "image-1" },
  flavor: { id: "flavor-m1.small" },
  "OS-EXT-AZ:availability_zone": "nova",
};
const there = (cards = ["w1/admin"], parts: Partial<CloudFacts> = {}): Partial<CloudFacts> => ({
  servers: [w1],
  keptImages: new Map([["image-1", IMAGE]]),
  described: { ...cloud().described, port: cards.map((card) => `labplan k3v9q2x7/dev/${card}`) },
  subnets: new Map([["labplan k3v9q2x7/dev/admin", { cidr: "10.20.0.0/24" }]]),
  ...parts,
});

const told = (plan: LabPlan, facts: CloudFacts): string[] =>
  checkCloud(plan, "cloud", facts).map(({ path, message }) => `${path.join(".")}: ${message}`);

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

describe("a server on a network without DHCP", () => {
  const silent = { admin: { backend: "cloud", cidr: "10.20.0.0/24", dhcp: false as const } };
  const first = settle(
    planOf({ w1: server() }, backend(), { networks: silent }),
    "cloud",
    backend(),
    cloud(),
  );
  const again = (server: Partial<Server>) =>
    settle(
      planOf({ w1: cloudServer() }, backend(), { lock: first.lock, networks: silent }),
      "cloud",
      backend(),
      cloud(there(undefined, { servers: [{ ...w1, ...server }] })),
    );
  const cloudServer = server;

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
});
