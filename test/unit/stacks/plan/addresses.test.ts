import { describe, expect, test } from "vitest";
import type { LabConfig, MachineConfig } from "../../../../stacks/config/types";
import { emptyLock } from "../../../../stacks/plan/lock-file";
import type { Lock } from "../../../../stacks/plan/types";
import { addressOf, inputsOf, lab, machine, nicsOf, planned, told } from "./lab";

const withMachines = (machines: Record<string, MachineConfig>, parts: Partial<LabConfig> = {}) =>
  lab({ machines, ...parts });

const admin = (parts: object) => ({
  networks: { admin: { backend: "rack", cidr: "10.20.0.0/24", ...parts } },
});

const on = (ip: string | false) => machine({ networks: [{ network: "admin", ip }] });

const locked = (addresses: Record<string, string>): Lock => ({
  ...emptyLock(),
  addresses: { admin: addresses },
});

describe("handing out", () => {
  test("gives the lowest free addresses in people's order of names", () => {
    const plan = planned(withMachines({ w10: machine(), w2: machine(), w1: machine() }));
    expect(["w1", "w2", "w10"].map((name) => addressOf(plan, name))).toEqual([
      "10.20.0.2",
      "10.20.0.3",
      "10.20.0.4",
    ]);
  });

  test("keeps what the lock file says, fills a gap that a removal left, and drops who is gone", () => {
    const lock = locked({ w1: "10.20.0.2", w2: "10.20.0.3", w3: "10.20.0.4" });
    const plan = planned(withMachines({ w1: machine(), w3: machine(), a0: machine() }), lock);
    expect(plan.lock.addresses).toEqual({
      admin: { a0: "10.20.0.3", w1: "10.20.0.2", w3: "10.20.0.4" },
    });
  });

  test("trap libvirt#12: every machine on a DHCP network has a static host entry, outside the range for strangers", () => {
    const plan = planned(withMachines({ w1: machine(), w2: machine() }));
    const network = inputsOf(plan, "libvirt:Network", "admin");
    expect(network.dhcp).toEqual({ from: "10.20.0.128", to: "10.20.0.254" });
    const leases = ["w1", "w2"].map((name) => ({
      mac: nicsOf(plan, name)[0]?.mac,
      ip: addressOf(plan, name),
      hostName: name,
    }));
    expect(network.leases).toEqual(leases.sort((a, b) => (String(a.mac) < String(b.mac) ? -1 : 1)));
  });

  test("goes inside the DHCP range only when all else is taken, and then never gives one twice", () => {
    const config = withMachines(
      { w1: machine(), w2: machine(), w3: machine() },
      admin({ cidr: "10.20.0.0/29", dhcp: { from: "10.20.0.3", to: "10.20.0.6" } }),
    );
    const plan = planned(config);
    expect(["w1", "w2", "w3"].map((name) => addressOf(plan, name))).toEqual([
      "10.20.0.2",
      "10.20.0.3",
      "10.20.0.4",
    ]);
  });

  test("says that a network is full, at the machine that is too many", () => {
    const config = withMachines({ w1: machine(), w2: machine() }, admin({ cidr: "10.20.0.0/30" }));
    expect(told(config)).toEqual([
      'machines.w2.networks.0: network "admin" (10.20.0.0/30) has no free address left. Widen its cidr, or say `ip: false`.',
    ]);
  });

  test("uses every address of a network exactly once before it gives up", () => {
    const names = Array.from({ length: 13 }, (_, i) => `w${i}`);
    const config = withMachines(
      Object.fromEntries(names.map((name) => [name, machine()])),
      admin({ cidr: "10.20.0.0/28", gateway: "10.20.0.7" }),
    );
    const plan = planned(config);
    const used = names.map((name) => addressOf(plan, name));
    expect(new Set(used).size).toBe(13);
    expect(used).not.toContain("10.20.0.7");
    expect(
      told(withMachines({ ...config.machines, w13: machine() }, { networks: config.networks })),
    ).toHaveLength(1);
  });

  test("gives none where the network has no DHCP, where the card says false, and on a bridge", () => {
    const config = lab({
      networks: {
        storage: { backend: "rack", cidr: "10.20.3.0/24", mode: "isolated" },
        admin: { backend: "rack", cidr: "10.20.0.0/24" },
      },
      machines: {
        w1: machine({
          networks: [{ network: "storage" }, { network: "admin", ip: false }, { bridge: "br0" }],
          cloudInit: {},
        }),
      },
    });
    const plan = planned(config);
    expect(nicsOf(plan, "w1").map(({ ip }) => ip)).toEqual([undefined, undefined, undefined]);
    expect(inputsOf(plan, "libvirt:Network", "admin")).not.toHaveProperty("leases");
  });

  test("a second card on the same network has an address and a name of its own", () => {
    const plan = planned(
      withMachines({ w1: machine({ networks: [{ network: "admin" }, { network: "admin" }] }) }),
    );
    expect(nicsOf(plan, "w1").map(({ ip }) => ip)).toEqual(["10.20.0.2", "10.20.0.3"]);
    const { leases } = inputsOf(plan, "libvirt:Network", "admin") as {
      leases: { hostName: string; ip: string }[];
    };
    expect(leases.map(({ hostName, ip }) => `${hostName} ${ip}`).sort()).toEqual([
      "w1 10.20.0.2",
      "w1-2 10.20.0.3",
    ]);
    expect(plan.lock.addresses).toEqual({ admin: { w1: "10.20.0.2", "w1#2": "10.20.0.3" } });
    expect(
      planned(
        withMachines({ w1: machine({ networks: [{ network: "admin" }, { network: "admin" }] }) }),
        plan.lock,
      ).newFacts,
    ).toEqual([]);
  });
});

describe("given addresses", () => {
  test("win, and are not in the lock file", () => {
    const plan = planned(withMachines({ w1: on("10.20.0.2"), w2: machine() }));
    expect(addressOf(plan, "w1")).toBe("10.20.0.2");
    expect(plan.lock.addresses).toEqual({ admin: { w2: "10.20.0.3" } });
  });

  test("that were handed out to another machine are refused: nothing moves in silence", () => {
    const config = withMachines({ w1: on("10.20.0.5"), w2: machine() });
    expect(told(config, locked({ w2: "10.20.0.5" }))).toEqual([
      'machines.w1.networks.0.ip: ip 10.20.0.5 on network "admin" was handed out to w2 before (lock file). Choose another, or delete that line of the lock file to move w2.',
    ]);
  });

  test("of two machines must differ", () => {
    expect(told(withMachines({ w1: on("10.20.0.5"), w2: on("10.20.0.5") }))).toEqual([
      'machines.w2.networks.0.ip: ip 10.20.0.5 on network "admin" is already that of w1. Give each its own.',
    ]);
  });

  test("within the DHCP range that the user wrote are allowed, with a warning", () => {
    const config = withMachines(
      { w1: on("10.20.0.150") },
      admin({ dhcp: { from: "10.20.0.100", to: "10.20.0.200" } }),
    );
    expect(planned(config).notes).toEqual([
      expect.stringContaining('w1: ip 10.20.0.150 lies in the DHCP range of "admin"'),
    ]);
    expect(planned(withMachines({ w1: on("10.20.0.150") })).notes).toEqual([]);
  });

  test("on a network without DHCP go into the guest by cloud-init", () => {
    const config = lab({
      networks: { storage: { backend: "rack", cidr: "10.20.3.0/24", mode: "isolated" } },
      machines: { w1: machine({ networks: [{ network: "storage", ip: "10.20.3.9" }] }) },
    });
    const plan = planned(config);
    const { cloudInit, nics } = inputsOf(plan, "libvirt:Domain", "w1") as {
      cloudInit: { networkConfig: unknown };
      nics: { mac: string }[];
    };
    expect(cloudInit.networkConfig).toEqual({
      version: 2,
      ethernets: { nic0: { match: { macaddress: nics[0]?.mac }, addresses: ["10.20.3.9/24"] } },
    });
    expect(plan.notes).toEqual([]);
  });

  test("that nothing tells the guest are said to be so", () => {
    const config = lab({
      networks: { storage: { backend: "rack", cidr: "10.20.3.0/24", mode: "isolated" } },
      machines: {
        w1: {
          backend: "rack",
          disks: [{ sizeBytes: 2 ** 30 }],
          networks: [{ network: "storage", ip: "10.20.3.9" }],
        },
      },
    });
    expect(planned(config).notes).toEqual([
      expect.stringContaining("nothing tells the guest its address 10.20.3.9"),
    ]);
  });

  test("only one static card leads out, and none when another card has DHCP", () => {
    const networks = {
      front: { backend: "rack", cidr: "10.20.1.0/24", dhcp: false },
      back: { backend: "rack", cidr: "10.20.2.0/24", dhcp: false },
      admin: { backend: "rack", cidr: "10.20.0.0/24" },
    };
    const cards = [
      { network: "front", ip: "10.20.1.5" },
      { network: "back", ip: "10.20.2.5" },
    ];
    const ethernets = (nics: NonNullable<MachineConfig["networks"]>) => {
      const plan = planned(lab({ networks, machines: { w1: machine({ networks: nics }) } }));
      const { cloudInit } = inputsOf(plan, "libvirt:Domain", "w1") as {
        cloudInit: { networkConfig: { ethernets: Record<string, { routes?: unknown }> } };
      };
      return Object.values(cloudInit.networkConfig.ethernets);
    };
    expect(ethernets(cards).map(({ routes }) => routes)).toEqual([
      [{ to: "0.0.0.0/0", via: "10.20.1.1" }],
      undefined,
    ]);
    expect(ethernets([...cards, { network: "admin" }]).map(({ routes }) => routes)).toEqual([
      undefined,
      undefined,
      undefined,
    ]);
  });
});

describe("the lock file and the network", () => {
  test("a wider cidr keeps every address; a moved one hands out new ones and says so", () => {
    const lock = locked({ w1: "10.20.0.77" });
    expect(
      addressOf(planned(withMachines({ w1: machine() }, admin({ cidr: "10.20.0.0/23" })), lock), "w1"),
    ).toBe("10.20.0.77");
    const moved = planned(withMachines({ w1: machine() }, admin({ cidr: "10.30.0.0/24" })), lock);
    expect(addressOf(moved, "w1")).toBe("10.30.0.2");
    expect(moved.newFacts.join("\n")).toContain("10.30.0.2");
  });

  test("a gateway that moves onto a machine's address is refused", () => {
    const config = withMachines({ w1: machine() }, admin({ gateway: "10.20.0.2" }));
    expect(told(config, locked({ w1: "10.20.0.2" }))).toEqual([
      expect.stringContaining("networks.admin.gateway: the gateway 10.20.0.2 was handed out to w1 before"),
    ]);
  });

  test("two branches that each handed out the same address are told after the merge", () => {
    const lock = locked({ w1: "10.20.0.5", w2: "10.20.0.5" });
    expect(told(withMachines({ w1: machine(), w2: machine() }), lock)).toEqual([
      expect.stringContaining(
        'machines.w2.networks.0: the lock file gives 10.20.0.5 on network "admin" to w1 too',
      ),
    ]);
  });

  test("new facts are told once: a plan with the written lock tells none", () => {
    const config = withMachines({ w1: machine(), w2: machine({ networks: [{ bridge: "br0" }] }) });
    const first = planned(config);
    expect(first.newFacts).toEqual([
      `w1 on network "admin" has address 10.20.0.2 and MAC ${nicsOf(first, "w1")[0]?.mac}`,
      `w2 on bridge "br0" has MAC ${nicsOf(first, "w2")[0]?.mac}`,
    ]);
    expect(planned(config, first.lock).newFacts).toEqual([]);
    expect(planned(config, first.lock).lock).toEqual(first.lock);
  });

  test("a machine may be called like a member of Object.prototype", () => {
    const config = withMachines({ constructor: machine(), toString: machine(), hasOwnProperty: machine() });
    const plan = planned(config);
    expect(Object.keys(plan.lock.addresses.admin ?? {})).toEqual([
      "constructor",
      "hasOwnProperty",
      "toString",
    ]);
    expect(planned(config, plan.lock).newFacts).toEqual([]);
  });
});
