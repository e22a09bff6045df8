import { describe, expect, test } from "vitest";
import type { LabConfig, MachineConfig } from "../../../../stacks/config/types";
import { loginOf } from "../../../../stacks/login";
import { parseLock, renderLock } from "../../../../stacks/plan/lock-file";
import { isOutputReference } from "../../../../stacks/plan/openstack-references";
import { type PlannedResource, resourceKey } from "../../../../stacks/plan/types";
import { GIB, inputsOf, KEY, planned, resource, cloudMachine as server, told } from "./lab";

const bare = (key: string): string => key.split(" ").slice(0, 2).join(" ");
const OTHER_KEY = KEY.replace("AAAAC3", "AAAAC4");

/** A cloud with a network that leads out and one that does not. */
function cloudLab(machines: Record<string, MachineConfig>, parts: Partial<LabConfig> = {}): LabConfig {
  return {
    lab: "k3v9q2x7",
    stack: "dev",
    backends: { cloud: { kind: "openstack", cloud: "devcloud" } },
    networks: {
      admin: { backend: "cloud", cidr: "10.20.0.0/24" },
      storage: { backend: "cloud", cidr: "10.20.3.0/24", mode: "isolated" },
    },
    images: {
      debian12: { glance: { name: "Debian 12", user: "debian" } },
      plain: { glance: {} },
      local: { path: "images/rocky9.qcow2" },
    },
    machines,
    ...parts,
  };
}

const kindsOf = (resources: PlannedResource[]): string[] =>
  [...new Set(resources.map(({ kind }) => kind))].sort();

describe("networks of a cloud", () => {
  const plan = planned(cloudLab({}));

  test("nat is a network, a subnet and a router to the external network; isolated has no router", () => {
    expect(resource(plan, "openstack:networking/Router", "admin").inputs.externalNetworkId).toEqual({
      cloud: "externalNetworkId",
    });
    expect(inputsOf(plan, "openstack:networking/Subnet", "admin")).toMatchObject({
      cidr: "10.20.0.0/24",
      gatewayIp: "10.20.0.1",
      enableDhcp: true,
      allocationPools: [{ start: "10.20.0.128", end: "10.20.0.254" }],
    });
    expect(plan.resources.filter(({ name }) => name === "storage").map(({ kind }) => kind)).toEqual([
      "openstack:networking/Network",
      "openstack:networking/Subnet",
    ]);
    expect(inputsOf(plan, "openstack:networking/Subnet", "storage")).toMatchObject({
      noGateway: true,
      enableDhcp: true,
    });
  });

  test("what carries no metadata has the mark in its description", () => {
    expect(inputsOf(plan, "openstack:networking/Network", "admin").description).toBe(
      "labplan k3v9q2x7/dev/admin",
    );
  });

  test("modes, bridges and templates of hypervisors are refused", () => {
    expect(
      told(
        cloudLab(
          {},
          { networks: { a: { backend: "cloud", mode: "routed" }, b: { backend: "cloud", bridge: "br0" } } },
        ),
      ),
    ).toEqual([
      expect.stringMatching(/^networks\.a\.mode: OpenStack has no network of mode routed/),
      expect.stringMatching(/^networks\.b\.bridge: OpenStack has no network of mode bridge/),
    ]);
  });
});

describe("a server", () => {
  const plan = planned(
    cloudLab({
      w1: server({
        networks: [{ network: "admin" }, { network: "storage", ip: "10.20.3.9" }],
        floatingIp: true,
        openPorts: [443, 80],
        metadata: { role: "worker" },
      }),
      w2: server({ networks: [{ network: "storage" }] }),
    }),
  );

  test("is a port for each card, an instance, a floating IP and the machine that they make", () => {
    expect(kindsOf(plan.resources)).toEqual([
      "openstack:Server",
      "openstack:compute/Instance",
      "openstack:compute/Keypair",
      "openstack:networking/FloatingIp",
      "openstack:networking/FloatingIpAssociate",
      "openstack:networking/Network",
      "openstack:networking/Port",
      "openstack:networking/Router",
      "openstack:networking/RouterInterface",
      "openstack:networking/SecGroup",
      "openstack:networking/SecGroupRule",
      "openstack:networking/Subnet",
    ]);
  });

  test("trap openstack#13: ports are resources of their own, with planned addresses that the lock file keeps", () => {
    expect(inputsOf(plan, "openstack:networking/Port", "w1/storage")).toMatchObject({
      fixedIps: [
        { subnetId: { ref: "openstack:networking/Subnet storage", output: "id" }, ipAddress: "10.20.3.9" },
      ],
      macAddress: expect.stringMatching(/^52:54:00:/),
    });
    expect(plan.lock.addresses).toEqual({ admin: { w1: "10.20.0.2" }, storage: { w2: "10.20.3.2" } });
    expect(inputsOf(plan, "openstack:compute/Instance", "w1").networks).toEqual([
      { port: { ref: "openstack:networking/Port w1/admin", output: "id" } },
      { port: { ref: "openstack:networking/Port w1/storage", output: "id" } },
    ]);
  });

  test("metadata hold our mark and what the user put there", () => {
    expect(inputsOf(plan, "openstack:compute/Instance", "w1").metadata).toEqual({
      labplan: "k3v9q2x7/dev/w1",
      role: "worker",
    });
  });

  test("open ports are a group of the machine's own, beside the lab's", () => {
    const groups = inputsOf(plan, "openstack:networking/Port", "w1/admin").securityGroupIds;
    expect(groups).toEqual([
      { ref: "openstack:networking/SecGroup lab/cloud", output: "id" },
      { ref: "openstack:networking/SecGroup w1", output: "id" },
    ]);
    const rules = plan.resources.filter(({ kind }) => kind === "openstack:networking/SecGroupRule");
    expect(rules.map(({ name }) => name)).toEqual(["lab/cloud/members", "lab/cloud/ssh", "w1/443", "w1/80"]);
    expect(inputsOf(plan, "openstack:networking/Port", "w2/storage").securityGroupIds).toHaveLength(1);
    // Ten groups are the usual quota: who opens nothing has none.
    const made = plan.resources.filter(({ kind }) => kind === "openstack:networking/SecGroup");
    expect(made.map(({ name }) => name)).toEqual(["lab/cloud", "w1"]);
  });

  test("a floating IP waits for nothing; it is joined to the port once the router leads there", () => {
    expect(resource(plan, "openstack:networking/FloatingIp", "w1").dependsOn).toEqual([]);
    expect(resource(plan, "openstack:networking/FloatingIpAssociate", "w1").dependsOn).toContain(
      "openstack:networking/RouterInterface admin",
    );
  });

  test("trap openstack#31: port and association go before the subnet and the router that keep each other", () => {
    const subnet = "openstack:networking/Subnet admin";
    expect(resource(plan, "openstack:networking/Port", "w1/admin").recreateWith).toEqual([subnet]);
    expect(resource(plan, "openstack:networking/FloatingIpAssociate", "w1").recreateWith).toEqual([
      "openstack:networking/Port w1/admin",
      "openstack:networking/RouterInterface admin",
    ]);
    expect(resource(plan, "openstack:networking/FloatingIp", "w1").recreateWith).toEqual([]);
  });

  test("trap openstack#31: a port without an address keeps no subnet: it stays, and its server with it", () => {
    const other = planned(cloudLab({ w1: server({ networks: [{ network: "admin", ip: false }] }) }));
    expect(resource(other, "openstack:networking/Port", "w1/admin").recreateWith).toEqual([]);
  });

  test("trap openstack#31: another gateway makes the router anew, before its subnet; another CIDR does not", () => {
    const router = (admin: object) => {
      const lab = cloudLab({}, { networks: { admin: { backend: "cloud", cidr: "10.20.0.0/24", ...admin } } });
      return resource(planned(lab), "openstack:networking/Router", "admin").recreateOn;
    };
    expect(router({ gateway: "10.20.0.1" })).toBe(router({}));
    expect(router({ cidr: "10.21.0.0/24" })).toBe(router({}));
    expect(router({ gateway: "10.20.0.254" })).not.toBe(router({}));
    expect(resource(plan, "openstack:networking/Subnet", "admin").dependsOn).toContain(
      "openstack:networking/Router admin",
    );
  });

  test("has a config drive where no DHCP tells it its address", () => {
    const drive = (dhcp: boolean, card: object = {}) => {
      const networks = { admin: { backend: "cloud", cidr: "10.20.0.0/24", dhcp } };
      const lab = cloudLab({ w1: server({ networks: [{ network: "admin", ...card }] }) }, { networks });
      return inputsOf(planned(lab), "openstack:compute/Instance", "w1").configDrive;
    };
    expect(drive(false)).toBe(true);
    // Nothing at all elsewhere: another value is another server.
    expect(drive(true)).toBeUndefined();
    expect(drive(false, { ip: false })).toBeUndefined();
  });

  test("the machine is made anew with its server, and all of its inputs are known", () => {
    const machine = resource(plan, "openstack:Server", "w1");
    expect(machine.recreateWith).toEqual(["openstack:compute/Instance w1"]);
    expect(machine.inputs).toEqual({
      name: "w1",
      backend: "cloud",
      serverName: "w1",
      fixedAddress: "10.20.0.2",
      floatingIp: true,
      user: "debian",
      running: true,
      wait: { for: "ssh", port: 22, timeoutS: 600 },
    });
    expect(JSON.stringify(machine.inputs)).not.toContain('"ref"');
  });

  test("references lead to what the plan has, before it", () => {
    const seen = new Set<string>();
    const look = (value: unknown): void => {
      if (isOutputReference(value)) expect(seen).toContain(value.ref);
      else if (typeof value === "object" && value !== null) Object.values(value).forEach(look);
    };
    for (const one of plan.resources) {
      look(one.inputs);
      seen.add(resourceKey(one.kind, one.name));
    }
  });

  test("trap openstack#8: the plugin waits in each step, so that no chain of them is longer than it must be", () => {
    const depth = new Map<string, number>();
    for (const { kind, name, dependsOn } of plan.resources) {
      const before = Math.max(0, ...dependsOn.map((key) => depth.get(key) ?? 0));
      depth.set(resourceKey(kind, name), kind === "openstack:Server" ? before : before + 1);
    }
    // Network or router, subnet, port, server; beside it interface and association.
    expect(Math.max(...depth.values())).toBe(4);
  });

  test("without a way to it nobody waits; a bastion is one", () => {
    expect(inputsOf(plan, "openstack:Server", "w2").wait).toEqual({ for: "none" });
    const behind = planned(
      cloudLab(
        { w2: server() },
        { backends: { cloud: { kind: "openstack", bastion: "ssh://ann@jump.example" } } },
      ),
    );
    expect(inputsOf(behind, "openstack:Server", "w2").wait).toMatchObject({ for: "ssh" });
    expect(loginOf(resource(behind, "openstack:Server", "w2"))).toEqual({
      user: "debian",
      host: "10.20.0.2",
      port: 22,
      jump: "ann@jump.example",
    });
  });
});

describe("user data", () => {
  const userData = (config: MachineConfig) =>
    inputsOf(planned(cloudLab({ w1: config })), "openstack:compute/Instance", "w1").userData;

  test("trap openstack#12: none where the image has the user and the cloud brings the key", () => {
    expect(userData(server())).toBeUndefined();
    // Nothing of what changes by itself is in it: another user_data would be another server.
    expect(userData(server({ networks: [{ network: "storage" }], metadata: { a: "b" } }))).toBeUndefined();
  });

  test("a user of ours, and further keys, are made by cloud-init", () => {
    expect(userData(server({ image: "plain" }))).toBe(
      `#cloud-config\nusers:\n  - lock_passwd: true\n    name: labplan\n    shell: /bin/bash\n    ssh_authorized_keys:\n      - ${bare(KEY)}\n    sudo: ALL=(ALL) NOPASSWD:ALL\n`,
    );
    expect(userData(server({ cloudInit: { sshKeys: [KEY, OTHER_KEY] } }))).toContain(bare(OTHER_KEY));
  });

  test("a secret in them is refused: the cloud and the state would hold it", () => {
    expect(
      told(cloudLab({ w1: server({ cloudInit: { userData: { chpasswd: "{{secret:rootPassword}}" } } }) })),
    ).toEqual([expect.stringMatching(/^machines\.w1\.cloudInit\.userData: a cloud shows user data/)]);
  });

  test("another comment of a key changes nothing at all: it would be another server", () => {
    const resources = (...sshKeys: string[]) =>
      planned(cloudLab({ w1: server({ image: "plain", cloudInit: { sshKeys } }) })).resources;
    expect(KEY).not.toBe(bare(KEY));
    expect(resources(`${bare(KEY)} ann@new laptop`, OTHER_KEY)).toEqual(resources(KEY, bare(OTHER_KEY)));
  });

  test("another key is another keypair, and the server carries it by its planned name", () => {
    const keyPair = (key: string) =>
      inputsOf(
        planned(cloudLab({ w1: server({ cloudInit: { sshKeys: [key] } }) })),
        "openstack:compute/Instance",
        "w1",
      ).keyPair;
    expect(keyPair(KEY)).toMatch(/^lp-k3v9q2x7-dev-[0-9a-f]{12}$/);
    expect(keyPair(KEY)).not.toBe(keyPair(OTHER_KEY));
  });
});

describe("a flavor", () => {
  const sized = server({
    flavor: undefined as never,
    cpus: 2,
    memoryMiB: 4096,
    disks: [{ sizeBytes: 20 * GIB }],
  });
  delete sized.flavor;
  const needs = { cpus: 2, memoryMiB: 4096, diskGiB: 20 };

  test("is left to the cloud where sizes are given, and then kept by the lock file", () => {
    const lab = cloudLab({ w1: sized });
    const first = planned(lab);
    expect(inputsOf(first, "openstack:compute/Instance", "w1").flavorName).toEqual({ flavorWith: needs });
    const lock = { ...first.lock, flavors: { w1: "m1.medium for 2 cpus, 4096 MiB, 20 GiB" } };
    const read = parseLock(renderLock(lock), "dev.lock.yaml");
    const second = planned(lab, read);
    expect(inputsOf(second, "openstack:compute/Instance", "w1").flavorName).toBe("m1.medium");
    expect(second.lock.flavors).toEqual(lock.flavors);
    // Chosen for something else.
    const grown = planned(cloudLab({ w1: { ...sized, cpus: 4 } }), read);
    expect(inputsOf(grown, "openstack:compute/Instance", "w1").flavorName).toEqual({
      flavorWith: { ...needs, cpus: 4 },
    });
    expect(grown.lock.flavors).toBeUndefined();
  });

  test("and sizes do not go together", () => {
    expect(told(cloudLab({ w1: server({ cpus: 2 }) }))).toEqual([
      expect.stringMatching(/^machines\.w1\.cpus: flavor "m1\.small" says/),
    ]);
  });
});

describe("what a cloud cannot do is refused", () => {
  test.each<[string, Partial<MachineConfig>, RegExp]>([
    ["no image", { image: undefined as never }, /^machines\.w1: a server starts from an image/],
    ["an image of a file", { image: "local" }, /^machines\.w1\.image: image "local" is none of an OpenStack/],
    [
      "a bridge",
      { networks: [{ bridge: "br0" }] },
      /^machines\.w1\.networks\.0\.bridge: bridge is a hypervisor's/,
    ],
    [
      "a boot order",
      { boot: ["network"] },
      /^machines\.w1\.boot: a server of an OpenStack cloud has no boot/,
    ],
    [
      "our mark's key",
      { metadata: { labplan: "x" } },
      /^machines\.w1\.metadata\.labplan: "labplan" is where/,
    ],
    [
      "a floating IP without a router",
      { floatingIp: true, networks: [{ network: "storage" }] },
      /^machines\.w1\.floatingIp: a floating IP needs a router/,
    ],
    [
      "its own call",
      { wait: { for: "boot" } },
      /^machines\.w1\.wait: a server of a cloud does not call home/,
    ],
  ])("%s", (_what, parts, message) => {
    const config = server(parts);
    if (config.image === undefined) delete config.image;
    expect(told(cloudLab({ w1: config }))).toEqual([expect.stringMatching(message)]);
  });

  test("and a cloud's fields on a hypervisor are, too", () => {
    expect(
      told(
        cloudLab(
          {
            w1: {
              backend: "rack",
              networks: [],
              boot: ["hd"],
              disks: [{ sizeBytes: GIB }],
              floatingIp: true,
            },
          },
          { backends: { cloud: { kind: "openstack" }, rack: { kind: "libvirt", uri: "qemu:///system" } } },
        ),
      ),
    ).toEqual([
      expect.stringMatching(/^machines\.w1\.floatingIp: floatingIp is for servers of an OpenStack/),
    ]);
  });
});
