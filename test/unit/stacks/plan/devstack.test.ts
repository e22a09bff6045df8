import { describe, expect, test } from "vitest";
import type { JoinInputs, MeshInputs, NodeInputs, VerifyInputs } from "../../../../providers/devstack/types";
import type { EndpointInputs } from "../../../../providers/overlay/types";
import type { LabConfig } from "../../../../stacks/config/types";
import { emptyLock } from "../../../../stacks/plan/lock-file";
import { type LabPlan, resourceKey } from "../../../../stacks/plan/types";
import { devstackLab, node } from "./devstack-lab";
import { inputsOf, planned, resource, told } from "./lab";

const nodeOf = (result: LabPlan, name: string) =>
  inputsOf(result, "devstack:Node", name) as unknown as NodeInputs;
const endpointOf = (result: LabPlan, name: string) =>
  inputsOf(result, "overlay:Endpoint", name) as unknown as EndpointInputs;
const verifyOf = (result: LabPlan) =>
  inputsOf(result, "devstack:Verify", "devstack") as unknown as VerifyInputs;
const linesOf = (result: LabPlan, name: string) => nodeOf(result, name).localConf.split("\n");

/** Resources whose inputs differ between two plans, new and gone ones included, without those of machines. */
function changed(before: LabPlan, after: LabPlan): string[] {
  const inputs = (one: LabPlan) =>
    new Map(
      one.resources
        .filter(({ kind }) => /^(devstack|overlay):/.test(kind))
        .map(({ kind, name, inputs: fields }) => [resourceKey(kind, name), JSON.stringify(fields)]),
    );
  const [old, now] = [inputs(before), inputs(after)];
  return [...new Set([...old.keys(), ...now.keys()])].filter((key) => old.get(key) !== now.get(key)).sort();
}

/** Everything that a resource comes after. */
function forerunners(result: LabPlan, key: string): Set<string> {
  const byKey = new Map(result.resources.map((one) => [resourceKey(one.kind, one.name), one]));
  const found = new Set<string>();
  const visit = (one: string) => {
    for (const needed of byKey.get(one)?.dependsOn ?? [])
      if (!found.has(needed)) {
        found.add(needed);
        visit(needed);
      }
  };
  visit(key);
  return found;
}

describe("what a layout is made of", () => {
  const config = devstackLab(2, {
    machines: { db: node(), mq: node() },
    devstack: {
      layout: { controller: ["ctl"], compute: ["hv1", "hv2"], database: "db", messagequeue: "mq" },
    },
  });
  const result = planned(config);

  test("one of each per node, a join per compute, and one mesh and one verify", () => {
    const count = (kind: string) => result.resources.filter((one) => one.kind === kind).length;
    expect(
      [
        "devstack:Host",
        "overlay:Endpoint",
        "devstack:Node",
        "devstack:Join",
        "devstack:Mesh",
        "devstack:Verify",
      ].map(count),
    ).toEqual([5, 5, 5, 2, 1, 1]);
  });

  test("what lies in the home of a host's user is made anew with the host, what nova knows of a node with the node", () => {
    const anew = (kind: string, name: string) => resource(result, kind, name).recreateWith;
    for (const name of ["db", "hv1"]) expect(anew("devstack:Node", name)).toEqual([`devstack:Host ${name}`]);
    // With its databases.
    expect(anew("devstack:Node", "ctl")).toEqual(["devstack:Host ctl", "devstack:Node db"]);
    expect(anew("devstack:Mesh", "devstack")).toEqual(
      ["ctl", "db", "hv1", "hv2", "mq"].map((name) => `devstack:Host ${name}`),
    );
    expect(anew("devstack:Join", "hv1")).toEqual(["devstack:Node db", "devstack:Node hv1"]);
  });

  test("trap openstack#18: database and message queue side by side, then the controller, then computes in parallel, then they join", () => {
    const key = (name: string) => `devstack:Node ${name}`;
    expect(forerunners(result, key("mq"))).not.toContain(key("db"));
    expect(forerunners(result, key("db"))).not.toContain(key("mq"));
    for (const name of ["db", "mq"]) expect(forerunners(result, key("ctl"))).toContain(key(name));
    expect(forerunners(result, key("hv1"))).toContain(key("ctl"));
    expect(forerunners(result, key("hv1"))).not.toContain(key("hv2"));
    expect(forerunners(result, "devstack:Join hv1")).toContain(key("hv1"));
    expect(forerunners(result, "devstack:Join hv1")).not.toContain(key("hv2"));
    const last = forerunners(result, "devstack:Verify devstack");
    for (const one of ["devstack:Join hv1", "devstack:Join hv2", "overlay:Endpoint db", key("mq")])
      expect(last).toContain(one);
  });

  test("nobody's end of the overlay changes before the mesh has asked whether who leaves has servers", () => {
    expect(resource(result, "overlay:Endpoint", "hv1").dependsOn).toContain("devstack:Mesh devstack");
    expect(inputsOf(result, "devstack:Mesh", "devstack")).toMatchObject({ controller: "ctl" });
  });

  test("keys are on all nodes before the first is stacked, and each node's own end of the overlay too", () => {
    for (const name of ["db", "mq", "ctl", "hv1", "hv2"]) {
      const first = forerunners(result, `devstack:Node ${name}`);
      for (const one of ["devstack:Mesh devstack", "devstack:Host hv2", `overlay:Endpoint ${name}`])
        expect(first).toContain(one);
    }
  });

  test("each lives on its node's machine and is gone with it; what is one per layout lives on the first controller and reaches all", () => {
    for (const kind of ["devstack:Host", "overlay:Endpoint", "devstack:Node"])
      expect(resource(result, kind, "hv1").on).toMatchObject({
        key: "libvirt:Domain hv1",
        deletedWith: true,
      });
    const mesh = resource(result, "devstack:Mesh", "devstack");
    expect(mesh.on).toMatchObject({ key: "libvirt:Domain ctl", deletedWith: true });
    expect(mesh.peers).toEqual(
      Object.fromEntries(["ctl", "db", "hv1", "hv2", "mq"].map((name) => [name, `libvirt:Domain ${name}`])),
    );
    const join = resource(result, "devstack:Join", "hv1");
    expect(join.on?.key).toBe("libvirt:Domain ctl");
    expect(join.peers).toEqual({ hv1: "libvirt:Domain hv1" });
  });

  test("the mesh names every node by the address that the others use: in the overlay where there is one", () => {
    const { nodes } = inputsOf(result, "devstack:Mesh", "devstack") as unknown as MeshInputs;
    for (const [name, { address }] of Object.entries(nodes))
      expect(`${address}/23`).toBe(endpointOf(result, name).address);
    const { overlay: _, ...devstack } = config.devstack ?? { branch: "", layout: { controller: [] } };
    const plain = planned({ ...config, devstack });
    const without = inputsOf(plain, "devstack:Mesh", "devstack") as unknown as MeshInputs;
    expect(without.nodes.hv1?.address).toMatch(/^10\.20\.0\./);
    expect(linesOf(plain, "hv1")).toContain(`HOST_IP=${without.nodes.hv1?.address}`);
  });

  test("trap openstack#24: devstack's user has the same name, number and home on all nodes", () => {
    const users = result.resources
      .filter(({ kind }) => kind === "devstack:Host")
      .map(({ inputs: { user, uid, home } }) => `${user} ${uid} ${home}`);
    expect(new Set(users)).toEqual(new Set(["stack 799 /opt/stack"]));
  });

  test("trap openstack#27: LIBVIRT_TYPE is left to devstack, which asks the node for /dev/kvm", () => {
    expect(nodeOf(result, "hv1").localConf).not.toContain("LIBVIRT_TYPE");
  });

  test("Verify knows pairs, hypervisors by cell and services by host", () => {
    const { pairs, cells, services, boot, mtu } = verifyOf(result);
    expect(pairs).toHaveLength(5 * 4);
    expect(cells).toEqual({ cell1: ["hv1", "hv2"] });
    expect(services).toEqual({ ctl: ["nova-conductor", "nova-scheduler"] });
    expect(boot).toEqual({ timeoutS: 300 });
    expect(mtu).toBe(1450);
  });

  test("no input is unknown or undefined, and the order of the config changes nothing", () => {
    for (const { kind, inputs } of result.resources)
      expect(
        JSON.stringify(inputs, (_, value) => (value === undefined ? "UNDEFINED" : value)),
        kind,
      ).not.toContain("UNDEFINED");
    const turned: LabConfig = {
      ...config,
      machines: Object.fromEntries(Object.entries(config.machines).reverse()),
      devstack: {
        ...config.devstack,
        branch: "stable/2026.1",
        layout: { messagequeue: "mq", database: "db", compute: ["hv2", "hv1"], controller: ["ctl"] },
      },
    };
    expect(JSON.stringify(planned(turned))).toBe(JSON.stringify(result));
  });

  test("a stack without a devstack is as it was", () => {
    const { devstack: _, ...without } = config;
    expect(planned(without).resources.some(({ kind }) => /^(devstack|overlay):/.test(kind))).toBe(false);
    expect(planned(without).lock).not.toHaveProperty("vnis");
  });
});

describe("the overlay", () => {
  test("trap openstack#22: its MTU is 50 less than that of the network that carries it, whatever that is", () => {
    expect(endpointOf(planned(devstackLab(1)), "hv1").mtu).toBe(1450);
    const networks = { admin: { backend: "rack", cidr: "10.20.0.0/24", mtu: 9000 } };
    expect(endpointOf(planned(devstackLab(1, { lab: { networks } })), "hv1").mtu).toBe(8950);
    const overlay = { kind: "vxlan", underlayMtu: 1400 } as const;
    expect(endpointOf(planned(devstackLab(1, { devstack: { overlay } })), "hv1").mtu).toBe(1350);
  });

  test("trap openstack#22: and 70 less over IPv6", () => {
    const backend = { kind: "fog", url: "http://fog.example/fog" } as const;
    const host = (address: string) => ({
      backend: "metal",
      image: "c7",
      allow: ["wipe" as const],
      power: { kind: "ssh" as const },
      address,
    });
    const result = planned(
      devstackLab(1, {
        lab: {
          backends: { metal: backend },
          networks: {},
          images: { c7: { fog: { backend: "metal" } } },
          machines: { ctl: host("fd00::1"), hv1: host("fd00::2") },
        },
      }),
    );
    expect(endpointOf(result, "hv1")).toMatchObject({ mtu: 1430, local: "fd00::2" });
  });

  test("over Open vSwitch it is said that the nodes must have that, unless the packages name it", () => {
    const notes = (packages?: string[]) =>
      planned(
        devstackLab(1, {
          devstack: { overlay: { kind: "vxlan", bridge: "ovs" }, ...(packages ? { packages } : {}) },
        }),
      ).notes.join();
    expect(notes()).toContain("packages: [openvswitch-switch]");
    expect(notes(["openvswitch-switch"])).not.toContain("packages:");
    // devstack does with Open vSwitch as it likes.
    expect(notes(["openvswitch-switch"])).toMatch(/unstack\.sh stops and disables it.*`bridge: linux`/);
    expect(planned(devstackLab(1, { devstack: { overlay: { kind: "vxlan" } } })).notes).toEqual([]);
  });

  test("in a mesh each goes to each, in a star through the first controller, which forwards", () => {
    const peers = (topology: "mesh" | "star", name: string) => {
      const result = planned(devstackLab(2, { devstack: { overlay: { kind: "vxlan", topology } } }));
      const { peers: found, forwards } = endpointOf(result, name);
      return [Object.keys(found).sort().join(), forwards];
    };
    expect(peers("mesh", "hv1")).toEqual(["ctl,hv2", undefined]);
    expect(peers("star", "hv1")).toEqual(["ctl", undefined]);
    expect(peers("star", "ctl")).toEqual(["hv1,hv2", true]);
  });

  test("VNI and addresses are handed out once: a new node and a removed one move nobody", () => {
    const first = planned(devstackLab(2));
    expect(first.newFacts).toContain(`the overlay has VNI ${first.lock.vnis?.devstack}`);
    expect(first.newFacts).toContain("hv1 in the overlay has address 172.24.4.2");
    const early = { aaa: node() };
    const layout = { controller: ["ctl"], compute: ["aaa", "hv2"] };
    const next = planned(devstackLab(2, { machines: early, devstack: { layout } }), first.lock);
    expect(next.lock.vnis).toEqual(first.lock.vnis);
    expect(next.newFacts.filter((fact) => fact.includes("overlay"))).toEqual([
      "aaa in the overlay has address 172.24.4.2",
    ]);
    for (const name of ["ctl", "hv2"])
      expect(endpointOf(next, name).address).toBe(endpointOf(first, name).address);
  });

  test("another lab's VNI is another, and one that is given is not kept", () => {
    const vni = (config: LabConfig) => planned(config).lock.vnis?.devstack;
    expect(vni(devstackLab(1))).not.toBe(vni({ ...devstackLab(1), lab: "zzzzzzzz" }));
    const result = planned(devstackLab(1, { devstack: { overlay: { kind: "vxlan", vni: 77 } } }));
    expect(result.lock.vnis).toBeUndefined();
    expect(endpointOf(result, "hv1").vni).toBe(77);
  });

  test("a renamed machine keeps its address in it", () => {
    const first = planned(devstackLab(2));
    const machines = { aaa: node(), zzz: node({ formerly: "hv1" }) };
    const config = devstackLab(2, {
      machines,
      devstack: { layout: { controller: ["ctl"], compute: ["aaa", "hv2", "zzz"] } },
    });
    delete config.machines.hv1;
    const result = planned(config, first.lock);
    expect(endpointOf(result, "zzz").address).toBe(endpointOf(first, "hv1").address);
    expect(resource(result, "devstack:Node", "zzz")).toMatchObject({ formerNames: ["hv1"], markName: "hv1" });
  });

  test("two lines of the lock file with one address are told", () => {
    const lock = { ...emptyLock(), overlays: { devstack: { hv1: "172.24.4.9", hv2: "172.24.4.9" } } };
    expect(told(devstackLab(2), lock)).toEqual([
      "devstack.layout.compute.1: the lock file gives 172.24.4.9 in the overlay to hv1 too (were two branches merged?). Delete one of the two lines.",
    ]);
  });

  test("of several networks the first by name that all nodes are on carries it", () => {
    const networks = {
      admin: { backend: "rack", cidr: "10.20.0.0/24" },
      back: { backend: "rack", cidr: "10.20.3.0/24" },
      data: { backend: "rack", cidr: "10.20.4.0/24" },
    };
    const on = (...names: string[]) => node({ networks: names.map((network) => ({ network })) });
    const machines = { ctl: on("admin", "data", "back"), hv1: on("data", "back") };
    const config = (network?: string) =>
      devstackLab(1, {
        machines,
        lab: { networks },
        devstack: { overlay: { kind: "vxlan", ...(network ? { network } : {}) } },
      });
    expect(endpointOf(planned(config()), "hv1").local).toMatch(/^10\.20\.3\./);
    expect(endpointOf(planned(config("data")), "hv1").local).toMatch(/^10\.20\.4\./);
  });
});

describe("an edit changes the nodes that it touches, and no others", () => {
  const before = planned(devstackLab(3));

  test("localrc of role compute: the computes, and what was verified with it", () => {
    const roles = { compute: { localrc: { LIBVIRT_TYPE: "kvm" } } };
    const result = planned(devstackLab(3, { devstack: { roles } }), before.lock);
    expect(changed(before, result)).toEqual([
      "devstack:Node hv1",
      "devstack:Node hv2",
      "devstack:Node hv3",
      "devstack:Verify devstack",
    ]);
    expect(verifyOf(result).edition).not.toBe(verifyOf(before).edition);
  });

  test("a setting of one node: that node", () => {
    const nodes = { hv2: { services: { "c-vol": false } } };
    expect(changed(before, planned(devstackLab(3, { devstack: { nodes } }), before.lock))).toEqual([
      "devstack:Node hv2",
      "devstack:Verify devstack",
    ]);
  });

  test("a compute more: the others are not stacked anew", () => {
    expect(changed(before, planned(devstackLab(4), before.lock))).toEqual([
      "devstack:Host hv4",
      "devstack:Join hv4",
      "devstack:Mesh devstack",
      "devstack:Node hv4",
      "devstack:Verify devstack",
      "overlay:Endpoint ctl",
      "overlay:Endpoint hv1",
      "overlay:Endpoint hv2",
      "overlay:Endpoint hv3",
      "overlay:Endpoint hv4",
    ]);
  });

  test("a plugin of one role: the nodes of that role", () => {
    const plugins = { heat: { url: "https://x.example/heat", roles: ["controller" as const] } };
    expect(changed(before, planned(devstackLab(3, { devstack: { plugins } }), before.lock))).toEqual([
      "devstack:Join hv1",
      "devstack:Join hv2",
      "devstack:Join hv3",
      "devstack:Node ctl",
      "devstack:Verify devstack",
    ]);
  });

  test("a controller that is stacked anew forgets its computes: they join again, and are not stacked", () => {
    const nodes = { ctl: { localrc: { DEBUG_LIBVIRT: true } } };
    const result = planned(devstackLab(3, { devstack: { nodes } }), before.lock);
    const edition = (one: LabPlan) => inputsOf(one, "devstack:Join", "hv1").edition;
    expect(edition(result)).not.toBe(edition(before));
    expect(changed(before, result).filter((key) => key.startsWith("devstack:Node"))).toEqual([
      "devstack:Node ctl",
    ]);
  });
});

describe("presets", () => {
  test("one machine alone has devstack's own list, and is its own hypervisor", () => {
    const result = planned(devstackLab(0));
    expect(linesOf(result, "ctl").filter((line) => /_service|SERVICE_HOST|MULTI_HOST/.test(line))).toEqual(
      [],
    );
    expect(verifyOf(result)).toMatchObject({ cells: { cell1: ["ctl"] }, pairs: [] });
    expect(result.resources.some(({ kind }) => kind === "devstack:Join")).toBe(false);
  });

  test("trap openstack#23: a compute runs what belongs on one today, and nothing else", () => {
    const lines = linesOf(planned(devstackLab(1)), "hv1");
    const services = lines.filter((line) => /_service/.test(line));
    expect(services[0]).toBe("disable_all_services");
    expect(
      services
        .slice(1)
        .map((line) => line.replace("enable_service ", ""))
        .join(),
    ).toBe("n-cpu,c-vol,placement-client,ovn-controller,ovs-vswitchd,ovsdb-server,q-ovn-metadata-agent");
  });

  test("every node of several is pointed at the others by their addresses in the overlay", () => {
    const machines = { db: node(), mq: node() };
    const layout = { controller: ["ctl"], compute: ["hv1"], database: "db", messagequeue: "mq" };
    const result = planned(devstackLab(1, { machines, devstack: { layout } }));
    const at = (name: string) => endpointOf(result, name).address.split("/")[0];
    for (const name of ["ctl", "hv1", "db", "mq"])
      expect(linesOf(result, name)).toEqual(
        expect.arrayContaining([
          `HOST_IP=${at(name)}`,
          `SERVICE_HOST=${at("ctl")}`,
          `DATABASE_HOST=${at("db")}`,
          `RABBIT_HOST=${at("mq")}`,
          `GLANCE_HOSTPORT=${at("ctl")}:9292`,
          `Q_HOST=${at("ctl")}`,
          "MULTI_HOST=1",
        ]),
      );
    const off = (name: string) => linesOf(result, name).filter((line) => line.startsWith("disable_service"));
    expect(off("ctl")).toEqual(["disable_service n-cpu", "disable_service rabbit"]);
    expect(linesOf(result, "db")).toContain("enable_service mysql");
    expect(linesOf(result, "mq")).toContain("enable_service rabbit");
  });

  test("with the database elsewhere the controller makes its databases there: mysql is on, and our plugin knows that no server is", () => {
    const machines = { db: node() };
    const layout = { controller: ["ctl", "ctl2"], compute: ["hv1"], database: "db" };
    const result = planned(devstackLab(1, { machines: { ...machines, ctl2: node() }, devstack: { layout } }));
    const at = endpointOf(result, "db").address.split("/")[0];
    const here = ["enable_service mysql", "LABPLAN_DATABASE=elsewhere", "MYSQL_GATHER_PERFORMANCE=False"];
    expect(linesOf(result, "ctl")).toEqual(expect.arrayContaining([...here, `MYSQL_HOST=${at}`]));
    for (const name of ["ctl2", "hv1"]) {
      expect(linesOf(result, name)).toContain(`MYSQL_HOST=${at}`);
      for (const line of here) expect(linesOf(result, name)).not.toContain(line);
    }
    expect(linesOf(result, "db").join()).not.toMatch(/MYSQL_HOST|LABPLAN/);
    // Where it is on the controller, nothing is said of it.
    const alone = planned(devstackLab(1));
    expect(linesOf(alone, "ctl").join()).not.toMatch(/service mysql|MYSQL_|LABPLAN/);
  });

  test("all four passwords are on every node, by name: stack.sh asks for one that is missing", () => {
    const passwords = { admin: { env: "ADMIN" } };
    const { localConf, secrets } = nodeOf(planned(devstackLab(1, { devstack: { passwords } })), "hv1");
    for (const name of ["DATABASE", "RABBIT", "SERVICE"])
      expect(localConf).toContain(`${name}_PASSWORD='{{secret:devstackPassword}}'`);
    expect(localConf).toContain("ADMIN_PASSWORD='{{secret:env:ADMIN}}'");
    expect(secrets).toEqual({
      devstackPassword: { secret: "devstackPassword" },
      "env:ADMIN": { env: "ADMIN" },
    });
  });

  test("trap openstack#23: cells are cells v2: a superconductor above, a conductor in each, and each compute in one", () => {
    const cells = {
      cell1: { conductor: "c1", compute: ["hv1"] },
      cell2: { conductor: "c2", compute: ["hv2"] },
    };
    const result = planned(
      devstackLab(2, {
        machines: { c1: node(), c2: node() },
        devstack: { layout: { controller: ["ctl"], cells } },
      }),
    );
    const has = (name: string, ...lines: string[]) =>
      expect(linesOf(result, name)).toEqual(expect.arrayContaining(lines));
    has("ctl", "CELLSV2_SETUP=superconductor", "NOVA_NUM_CELLS=2", "enable_service n-super-cond");
    has("ctl", "disable_service n-cond-cell1", "disable_service n-cond-cell2");
    // devstack writes a conductor's settings only where n-cond is on.
    has("c2", "enable_service n-cond", "enable_service n-cond-cell2");
    has("c2", "disable_service n-super-cond", "disable_service n-cond-cell1");
    expect(linesOf(result, "c2")).not.toContain("enable_service n-cond-cell1");
    has("hv2", "NOVA_CPU_CELL=2");
    expect((inputsOf(result, "devstack:Join", "hv2") as unknown as JoinInputs).cell).toBe("cell2");
    expect(forerunners(result, "devstack:Node hv2")).toContain("devstack:Node c2");
    expect(forerunners(result, "devstack:Node hv2")).not.toContain("devstack:Node c1");
    expect(verifyOf(result).cells).toEqual({ cell1: ["hv1"], cell2: ["hv2"] });
    expect(result.notes).toEqual([]);
  });

  test("a conductor that is stacked anew has the computes of its cell join again, and no others", () => {
    const cells = {
      cell1: { conductor: "c1", compute: ["hv1"] },
      cell2: { conductor: "c2", compute: ["hv2"] },
    };
    const result = (nodes: Record<string, object>) =>
      planned(
        devstackLab(2, {
          machines: { c1: node(), c2: node() },
          devstack: { layout: { controller: ["ctl"], cells }, nodes },
        }),
      );
    const edited = result({ c2: { localrc: { LOGDAYS: 3 } } });
    expect(changed(result({}), edited)).toEqual([
      "devstack:Join hv2",
      "devstack:Node c2",
      "devstack:Verify devstack",
    ]);
  });

  test("neutron knows how much the overlay carries, and floating IPs keep out of its way", () => {
    const lines = linesOf(planned(devstackLab(1)), "ctl");
    expect(lines).toEqual(
      expect.arrayContaining([
        "global_physnet_mtu = 1450",
        "FLOATING_RANGE=172.24.6.0/24",
        "PUBLIC_NETWORK_GATEWAY=172.24.6.1",
      ]),
    );
    const shared = { localrc: { FLOATING_RANGE: "203.0.113.0/24" } };
    const own = linesOf(planned(devstackLab(1, { devstack: { shared } })), "ctl");
    expect(own).toContain("FLOATING_RANGE=203.0.113.0/24");
    expect(own.join()).not.toContain("PUBLIC_NETWORK_GATEWAY");
  });
});

describe("where each line of a local.conf comes from", () => {
  test("a line for a line, by what people write in the config", () => {
    const { localConf, sources } = nodeOf(
      planned(
        devstackLab(1, {
          devstack: {
            shared: { services: { tempest: false }, localrc: { LIBVIRT_TYPE: "qemu" } },
            roles: { compute: { localrc: { LIBVIRT_TYPE: "kvm" } } },
          },
        }),
      ),
      "hv1",
    );
    const lines = localConf.replace(/\n$/, "").split("\n");
    expect(sources).toHaveLength(lines.length);
    const from = Object.fromEntries(lines.map((line, i) => [line, sources?.[i]]));
    expect(from["LIBVIRT_TYPE=kvm"]).toBe(
      "devstack.roles.compute.localConf.localrc.LIBVIRT_TYPE (over devstack.localConf.localrc.LIBVIRT_TYPE)",
    );
    expect(from["disable_service tempest"]).toBe("devstack.services.tempest");
    expect(from["enable_service n-cpu"]).toBe("preset multinode");
    expect(from["MULTI_HOST=1"]).toBe("preset multinode");
    expect(from["global_physnet_mtu = 1450"]).toBeUndefined();
    expect(from["ADMIN_PASSWORD='{{secret:devstackPassword}}'"]).toBe("devstack.passwords");
  });
});

describe("how many nodes, in how much work", () => {
  test.each([2, 20, 100])("%i nodes: a bounded number of edges each (the time is printed)", (count) => {
    const config = devstackLab(count - 1);
    const start = performance.now();
    const result = planned(config);
    console.log(`plan of a devstack of ${count} nodes: ${Math.round(performance.now() - start)} ms`);
    for (const kind of ["devstack:Host", "devstack:Node", "overlay:Endpoint", "devstack:Join"])
      for (const one of result.resources.filter((other) => other.kind === kind))
        expect(one.dependsOn.length, one.kind).toBeLessThan(8);
    expect(verifyOf(result).pairs).toHaveLength(count * (count - 1));
  });
});

test("two machines that nova could not tell apart", () => {
  const backend = { kind: "fog", url: "http://fog.example/fog" } as const;
  const host = (name: string, address: string) => ({
    backend: "metal",
    image: "c7",
    name,
    allow: ["wipe" as const],
    power: { kind: "ssh" as const },
    address,
  });
  const machines = { ctl: host("a", "192.0.2.1"), hv1: { ...host("b", "192.0.2.2"), hostName: "a.lab" } };
  const lab = {
    backends: { metal: backend },
    networks: {},
    images: { c7: { fog: { backend: "metal" } } },
    machines,
  };
  expect(told(devstackLab(1, { lab }))).toContainEqual(
    'devstack.layout.compute.0: machine "hv1" has the host name "a" of machine "ctl", and nova tells hosts apart by that. Give it a `hostName`.',
  );
});
