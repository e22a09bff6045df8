import { describe, expect, test } from "vitest";
import type { LabConfig } from "../../../../stacks/config/types";
import { type LabPlan, resourceKey } from "../../../../stacks/plan/types";
import { inputsOf, lab, machine, nicsOf, planned, resource, told } from "./lab";

const two = lab({
  networks: { admin: { backend: "rack" }, storage: { backend: "rack", mode: "isolated" } },
  machines: {
    w1: machine({ networks: [{ network: "admin" }, { network: "storage" }] }),
    w2: machine(),
  },
});

/** The lab with one key of a section renamed. */
function rename(config: LabConfig, section: "machines" | "networks", from: string, to: string): LabConfig {
  const entries = Object.entries(config[section] as Record<string, object>).map(([name, thing]) =>
    name === from ? [to, { ...thing, formerly: from }] : [name, thing],
  );
  const renamed = { ...config, [section]: Object.fromEntries(entries) } as LabConfig;
  if (section === "machines") return renamed;
  const machines = structuredClone(renamed.machines);
  for (const one of Object.values(machines))
    for (const nic of one.networks ?? []) if (nic.network === from) nic.network = to;
  return { ...renamed, machines };
}

const withoutFormerly = (config: LabConfig): LabConfig => {
  const copy = structuredClone(config);
  for (const thing of [...Object.values(copy.machines), ...Object.values(copy.networks)])
    delete thing.formerly;
  return copy;
};

describe("a renamed machine", () => {
  const first = planned(two);
  const config = rename(two, "machines", "w1", "web1");
  const second = planned(config, first.lock);

  test("keeps every input, so that nothing is changed or replaced", () => {
    expect(inputsOf(second, "libvirt:Domain", "web1")).toEqual(inputsOf(first, "libvirt:Domain", "w1"));
    expect(inputsOf(second, "libvirt:Volume", "web1.disk0")).toEqual(
      inputsOf(first, "libvirt:Volume", "w1.disk0"),
    );
    expect(inputsOf(second, "libvirt:Network", "admin")).toEqual(inputsOf(first, "libvirt:Network", "admin"));
  });

  test("tells the engine its former name, and the mark that it was made with", () => {
    expect(resource(second, "libvirt:Domain", "web1")).toMatchObject({ formerNames: ["w1"], markName: "w1" });
    expect(resource(second, "libvirt:Volume", "web1.disk0")).toMatchObject({
      formerNames: ["w1.disk0"],
      markName: "w1.disk0",
    });
    expect(resource(second, "libvirt:Domain", "web1").dependsOn).toContain(
      resourceKey("libvirt:Volume", "web1.disk0"),
    );
  });

  test("takes its entries of the lock file along", () => {
    expect(second.lock.addresses.admin?.web1).toBe(first.lock.addresses.admin?.w1);
    expect(second.lock.macs?.web1).toEqual(first.lock.macs?.w1);
    expect(second.lock.addresses.admin).not.toHaveProperty("w1");
    expect(second.newFacts).toEqual(['machine "web1" has the facts of the name "w1"']);
  });

  test("keeps them when `formerly` is taken out, and when it is renamed again", () => {
    const third = planned(withoutFormerly(config), second.lock);
    expect(inputsOf(third, "libvirt:Domain", "web1")).toEqual(inputsOf(first, "libvirt:Domain", "w1"));
    expect(resource(third, "libvirt:Domain", "web1")).toMatchObject({ markName: "w1" });
    expect(resource(third, "libvirt:Domain", "web1")).not.toHaveProperty("formerNames");

    const again = rename(config, "machines", "web1", "front1");
    const fourth = planned(again, second.lock);
    expect(inputsOf(fourth, "libvirt:Domain", "front1")).toEqual(inputsOf(first, "libvirt:Domain", "w1"));
    expect(resource(fourth, "libvirt:Domain", "front1")).toMatchObject({
      formerNames: ["web1"],
      markName: "w1",
    });
  });

  test("keeps its hashed facts even with a lost lock file", () => {
    const { nics: _, ...facts } = inputsOf(first, "libvirt:Domain", "w1");
    expect(inputsOf(planned(config), "libvirt:Domain", "web1")).toMatchObject(facts);
  });

  test("leaves its old name to a new machine, which gets facts of its own", () => {
    const reused = withoutFormerly(config);
    reused.machines.w1 = machine();
    const plan = planned(reused, second.lock);
    expect(inputsOf(plan, "libvirt:Domain", "web1")).toEqual(inputsOf(first, "libvirt:Domain", "w1"));
    const newcomer = inputsOf(plan, "libvirt:Domain", "w1");
    expect(newcomer).toMatchObject({ name: "w1-2", hostName: "w1-2" });
    expect(newcomer.uuid).not.toBe(inputsOf(first, "libvirt:Domain", "w1").uuid);

    // And keeps them when the other one goes.
    delete reused.machines.web1;
    expect(inputsOf(planned(reused, plan.lock), "libvirt:Domain", "w1")).toEqual(newcomer);
  });
});

test("a thing that is renamed back to its first name is what it was, with `formerly` and without", () => {
  const first = planned(vpnUser("alice"));
  const renamed = planned(vpnUser("alicia", "alice"), first.lock);
  const back = planned(vpnUser("alice", "alicia"), renamed.lock);
  const markOf = (plan: LabPlan) => resource(plan, "ldap:User", "alice").markName ?? "alice";
  expect(markOf(back)).toBe("alice");
  expect(markOf(planned(vpnUser("alice", "alicia"), back.lock))).toBe("alice");
  expect(markOf(planned(vpnUser("alice"), back.lock))).toBe("alice");
});

const vpnUser = (name: string, formerly?: string): LabConfig =>
  lab({
    backends: { rack: { kind: "embedded" } },
    vpn: {
      backend: "rack",
      base: "ou=People,dc=lab",
      users: { [name]: { sn: "Ames", ...(formerly === undefined ? {} : { formerly }) } },
    },
  });

describe("a renamed network", () => {
  test("keeps its cidr, bridge and UUID, and the cards on it their MACs and addresses", () => {
    const first = planned(two);
    const config = rename(two, "networks", "admin", "mgmt");
    const second = planned(config, first.lock);
    expect(inputsOf(second, "libvirt:Network", "mgmt")).toEqual(inputsOf(first, "libvirt:Network", "admin"));
    expect(inputsOf(second, "libvirt:Domain", "w1")).toEqual(inputsOf(first, "libvirt:Domain", "w1"));
    expect(second.newFacts).toEqual(['network "mgmt" has the facts of the name "admin"']);
    expect(planned(withoutFormerly(config), second.lock).lock).toEqual(second.lock);
    expect(inputsOf(planned(withoutFormerly(config), second.lock), "libvirt:Domain", "w1")).toEqual(
      inputsOf(first, "libvirt:Domain", "w1"),
    );
  });
});

describe("a renamed network and the cards on it", () => {
  const config = rename(two, "networks", "admin", "mgmt");

  test("keep their hashed facts with a lost lock file", () => {
    const [before, after] = [planned(two), planned(config)];
    expect(inputsOf(after, "libvirt:Network", "mgmt")).toMatchObject({
      uuid: inputsOf(before, "libvirt:Network", "admin").uuid,
      bridge: inputsOf(before, "libvirt:Network", "admin").bridge,
    });
    expect(nicsOf(after, "w1").map(({ mac }) => mac)).toEqual(nicsOf(before, "w1").map(({ mac }) => mac));
  });

  test("keep a MAC that the lock file holds, also where it is not the hashed one", () => {
    const { lock } = planned(two);
    const mac = "52:54:00:00:00:99";
    const moved = planned(config, { ...lock, macs: { ...lock.macs, w1: { ...lock.macs?.w1, admin: mac } } });
    expect(nicsOf(moved, "w1")[0]?.mac).toBe(mac);
    expect(moved.lock.macs?.w1).toMatchObject({ mgmt: mac });
  });
});

describe("what `formerly` cannot mean", () => {
  test("a thing that is still declared", () => {
    const config = lab({ machines: { w1: machine(), w2: machine({ formerly: "w1" }) } });
    expect(told(config)).toEqual([
      expect.stringContaining('machines.w2.formerly: formerly "w1", and a "w1" is declared as well'),
    ]);
  });

  test("the same thing twice, and a thing itself", () => {
    expect(told(lab({ machines: { a: machine({ formerly: "x" }), b: machine({ formerly: "x" }) } }))).toEqual(
      [expect.stringContaining('machines.b.formerly: "a" is formerly "x" too')],
    );
    expect(told(lab({ machines: { a: machine({ formerly: "a" }) } }))).toEqual([
      expect.stringContaining("is its own name"),
    ]);
  });

  test("a machine that the lock file knows beside this one: it has no effect, and that is said", () => {
    const both = planned(lab({ machines: { a: machine(), b: machine() } }));
    const plan = planned(lab({ machines: { b: machine({ formerly: "a" }) } }), both.lock);
    expect(plan.notes).toEqual([expect.stringContaining('b: "formerly: a" has no effect')]);
    expect(inputsOf(plan, "libvirt:Domain", "b")).toEqual(inputsOf(both, "libvirt:Domain", "b"));
  });
});

describe("a machine that was renamed more than once", () => {
  const first = planned(lab({ machines: { w1: machine() } }));
  const chain = lab({ machines: { www: machine({ formerly: ["web1", "w1"], hostName: "www" }) } });

  test("keeps its facts in a stack that is behind by both renames", () => {
    const after = planned(chain, first.lock);
    expect(resource(after, "libvirt:Domain", "www")).toMatchObject({
      formerNames: ["web1", "w1"],
      markName: "w1",
    });
    expect(resource(after, "libvirt:Volume", "www.disk0").formerNames).toEqual(["web1.disk0", "w1.disk0"]);
    expect(nicsOf(after, "www")).toEqual(nicsOf(first, "w1"));
    expect(after.lock.homes).toEqual({ www: "rack" });
  });

  test("and in one that has seen the first of them", () => {
    const second = planned(lab({ machines: { web1: machine({ formerly: "w1" }) } }), first.lock);
    const after = planned(chain, second.lock);
    expect(resource(after, "libvirt:Domain", "www").markName).toBe("w1");
    expect(nicsOf(after, "www")).toEqual(nicsOf(first, "w1"));
  });

  test("without a lock file has the facts of its first name", () => {
    expect(inputsOf(planned(chain), "libvirt:Domain", "www").uuid).toBe(
      inputsOf(first, "libvirt:Domain", "w1").uuid,
    );
  });

  test("none of its names may be another's", () => {
    const config = lab({
      machines: {
        www: machine({ formerly: ["web1", "w1"] }),
        w1: machine(),
        web2: machine({ formerly: "web1" }),
      },
    });
    expect(told(config)).toEqual([
      expect.stringContaining('machines.www.formerly.0: "web2" is formerly "web1" too'),
      expect.stringContaining('machines.www.formerly.1: formerly "w1", and a "w1" is declared as well'),
    ]);
  });
});
