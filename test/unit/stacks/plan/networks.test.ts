import { describe, expect, test } from "vitest";
import type { NetworkConfig } from "../../../../stacks/config/types";
import { emptyLock } from "../../../../stacks/plan/lock-file";
import { inputsOf, lab, planned, told } from "./lab";

const networks = (nets: Record<string, Partial<NetworkConfig>>) =>
  lab({
    networks: Object.fromEntries(
      Object.entries(nets).map(([name, net]) => [name, { backend: "rack", ...net }]),
    ),
  });

const network = (parts: Partial<NetworkConfig>) => networks({ admin: parts });
const inputs = (parts: Partial<NetworkConfig>) =>
  inputsOf(planned(network(parts)), "libvirt:Network", "admin");

describe("what is derived", () => {
  test("a cidr is enough: NAT, the first address, DHCP on the upper half, a bridge of our own", () => {
    const { uuid, bridge, ...rest } = inputs({ cidr: "10.20.0.0/24" });
    expect(rest).toEqual({
      autostart: true,
      backend: "rack",
      cidr: "10.20.0.0/24",
      dhcp: { from: "10.20.0.128", to: "10.20.0.254" },
      gateway: "10.20.0.1",
      mode: "nat",
      name: "admin",
    });
    expect(bridge).toMatch(/^lp[0-9a-z]{10}$/);
    expect(uuid).toMatch(/^[0-9a-f-]{36}$/);
  });

  test("a bridge alone means a bridge of the host, without addresses", () => {
    const { uuid: _, ...rest } = inputs({ bridge: "br0" });
    expect(rest).toEqual({ autostart: true, backend: "rack", bridge: "br0", mode: "bridge", name: "admin" });
  });

  test("isolated has no DHCP unless asked for", () => {
    expect(inputs({ cidr: "10.20.0.0/24", mode: "isolated" })).not.toHaveProperty("dhcp");
    expect(inputs({ cidr: "10.20.0.0/24", mode: "isolated", dhcp: true })).toHaveProperty("dhcp");
    expect(inputs({ cidr: "10.20.0.0/24", mode: "routed" })).toHaveProperty("dhcp");
    expect(inputs({ cidr: "10.20.0.0/24", dhcp: false })).not.toHaveProperty("dhcp");
  });

  test("a derived DHCP range leaves the gateway out, wherever it is", () => {
    const range = (cidr: string, gateway: string) => inputs({ cidr, gateway }).dhcp;
    expect(range("10.20.0.0/24", "10.20.0.254")).toEqual({ from: "10.20.0.128", to: "10.20.0.253" });
    expect(range("10.20.0.0/24", "10.20.0.130")).toEqual({ from: "10.20.0.131", to: "10.20.0.254" });
    expect(range("10.20.0.0/30", "10.20.0.2")).toEqual({ from: "10.20.0.1", to: "10.20.0.1" });
    expect(range("10.20.0.0/30", "10.20.0.1")).toEqual({ from: "10.20.0.2", to: "10.20.0.2" });
  });

  test("everything that the user gives is passed on", () => {
    const given = {
      cidr: "10.20.0.0/24",
      gateway: "10.20.0.9",
      bridge: "br-admin",
      dhcp: { from: "10.20.0.100", to: "10.20.0.200" },
      domain: "lab.example",
      mtu: 9000,
      forwardDevice: "eth1",
      ipv6: { cidr: "fd00:20::/64" },
      autostart: false,
      template: "<network/>",
      adopt: true,
      onDestroy: "delete" as const,
      name: "their-admin",
    };
    expect(inputs(given)).toMatchObject(given);
  });
});

describe("a network without a cidr", () => {
  test("gets a /24 of the pool, which the lock file keeps", () => {
    const config = networks({ a: {}, b: { mode: "isolated" } });
    const first = planned(config);
    const { a, b } = first.lock.cidrs;
    expect(a).toMatch(/^10\.20[0-7]\.\d+\.0\/24$/);
    expect(b).toMatch(/^10\.20[0-7]\.\d+\.0\/24$/);
    expect(a).not.toBe(b);
    expect(first.newFacts).toEqual([`network "a" is ${a}`, `network "b" is ${b}`]);
    expect(planned(networks({ b: {} }), first.lock).lock.cidrs).toEqual({ b });
  });

  test("keeps to the pool that the config names, away from all that is taken", () => {
    const config = {
      ...networks({ a: {}, b: {}, c: { cidr: "192.168.0.0/24" } }),
      addressPool: "192.168.0.0/22",
    };
    const { cidrs } = planned(config).lock;
    expect(new Set(Object.values(cidrs)).size).toBe(2);
    expect(Object.values(cidrs)).not.toContain("192.168.0.0/24");
    const full = { ...networks({ a: {}, b: {} }), addressPool: "192.168.0.0/24" };
    expect(told(full)).toEqual([
      expect.stringContaining("networks.b: no free /24 is left in the address pool 192.168.0.0/24"),
    ]);
    expect(told({ ...full, addressPool: "192.168.0.0/25" })).toEqual([
      expect.stringContaining("addressPool"),
    ]);
  });

  test("two labs begin at different places, so that they rarely meet on one hypervisor", () => {
    const cidrOf = (id: string) => planned({ ...networks({ a: {} }), lab: id }).lock.cidrs.a;
    expect(new Set(["aaaaaaaa", "bbbbbbbb", "cccccccc", "dddddddd"].map(cidrOf)).size).toBe(4);
  });

  test("keeps the lock's, and who comes later with the same one is refused", () => {
    const lock = { ...emptyLock(), cidrs: { a: "10.200.7.0/24" } };
    expect(told(networks({ a: {}, b: { cidr: "10.200.7.128/25" } }), lock)).toEqual([
      expect.stringMatching(
        /^networks\.b\.cidr: 10\.200\.7\.128\/25 overlaps 10\.200\.7\.0\/24 of network "a" \(lock file\) on the same hypervisor\. Choose another, like 10\.200\.8\.0\/25\.$/,
      ),
    ]);
  });
});

describe("what is refused", () => {
  const cases: [string, Partial<NetworkConfig>, string][] = [
    ["a cidr that is none", { cidr: "10.20.0/24" }, 'cidr: "10.20.0/24" is no IPv4 network'],
    ["host bits, with the right text", { cidr: "10.20.0.5/24" }, "Write 10.20.0.0/24."],
    ["a network without room", { cidr: "10.20.0.0/31" }, "no room for a gateway and a machine"],
    ["a network as large as the world", { cidr: "0.0.0.0/0" }, "larger than any private range"],
    ["loopback", { cidr: "127.0.1.0/24" }, "loopback"],
    [
      "a gateway elsewhere",
      { cidr: "10.20.0.0/24", gateway: "10.20.1.1" },
      "gateway: gateway 10.20.1.1 is no machine's address within 10.20.0.0/24. Use one from 10.20.0.1 to 10.20.0.254",
    ],
    [
      "the broadcast address as gateway",
      { cidr: "10.20.0.0/24", gateway: "10.20.0.255" },
      "no machine's address",
    ],
    [
      "a gateway that is no address",
      { cidr: "10.20.0.0/24", gateway: "gw" },
      'gateway "gw" is no IPv4 address',
    ],
    [
      "a DHCP range elsewhere",
      { cidr: "10.20.0.0/24", dhcp: { from: "10.20.1.10", to: "10.20.0.20" } },
      'dhcp.from: the DHCP range\'s "from" 10.20.1.10 is outside 10.20.0.0/24. Use for example { from: 10.20.0.128, to: 10.20.0.254 }.',
    ],
    [
      "a DHCP range up to the broadcast address",
      { cidr: "10.20.0.0/24", dhcp: { from: "10.20.0.9", to: "10.20.0.255" } },
      "10.20.0.255 is the broadcast address",
    ],
    [
      "a DHCP range backwards",
      { cidr: "10.20.0.0/24", dhcp: { from: "10.20.0.90", to: "10.20.0.9" } },
      "runs backwards",
    ],
    [
      "a DHCP range with the gateway in it",
      { cidr: "10.20.0.0/24", dhcp: { from: "10.20.0.1", to: "10.20.0.9" } },
      "holds the gateway 10.20.0.1",
    ],
    ["DHCP on a bridge of the host", { bridge: "br0", dhcp: true }, "ours would disturb it"],
    [
      "addresses on a bridge of the host",
      { bridge: "br0", mode: "bridge", cidr: "10.20.0.0/24" },
      "cidr has no effect on a bridge of the host",
    ],
    ["mode bridge without a bridge", { mode: "bridge" }, "mode bridge needs the name of a bridge"],
    [
      "a bridge name that Linux refuses",
      { cidr: "10.20.0.0/24", bridge: "bridge-of-admins" },
      "it has 16 characters, and Linux allows 15",
    ],
    [
      "a device that nothing goes out by",
      { cidr: "10.20.0.0/24", mode: "isolated", forwardDevice: "eth0" },
      "no forwardDevice",
    ],
    ["an MTU below what IPv4 needs", { cidr: "10.20.0.0/24", mtu: 60 }, "outside 68 to 65535"],
    [
      "an MTU below what IPv6 needs",
      { cidr: "10.20.0.0/24", mtu: 1000, ipv6: { cidr: "fd00::/64" } },
      "outside 1280 to 65535",
    ],
    ["an MTU above what there is", { cidr: "10.20.0.0/24", mtu: 70000 }, "mtu 70000"],
    ["a domain that is none", { cidr: "10.20.0.0/24", domain: "lab_1" }, "no DNS name"],
    [
      "IPv6 host bits, with the right text",
      { cidr: "10.20.0.0/24", ipv6: { cidr: "fd00:20::5/64" } },
      "Write fd00:20::/64.",
    ],
    ["what is no IPv6", { cidr: "10.20.0.0/24", ipv6: { cidr: "fd00" } }, "no IPv6 network"],
    ["IPv6 multicast", { cidr: "10.20.0.0/24", ipv6: { cidr: "ff00::/64" } }, "kind multicast"],
    [
      "IPv6 without room",
      { cidr: "10.20.0.0/24", ipv6: { cidr: "fd00::/128" } },
      "cannot hold a lab network",
    ],
    ["a name with a slash", { cidr: "10.20.0.0/24", name: "a/b" }, "without spaces and slashes"],
    [
      "a backend that is not declared",
      { cidr: "10.20.0.0/24", backend: "rak" },
      'no backend "rak" is declared. Did you mean "rack"?',
    ],
  ];
  test.each(cases)("%s", (_, parts, message) => {
    const problems = told(network(parts));
    expect(problems).toHaveLength(1);
    expect(problems[0]).toContain(message);
    expect(problems[0]).toMatch(/^networks\.admin/);
  });

  test("a network in a directory", () => {
    const config = lab({
      backends: { people: { kind: "ldap", url: "ldaps://l" }, rack: { kind: "embedded" } },
      networks: { admin: { backend: "people", cidr: "10.20.0.0/24" } },
    });
    expect(told(config)).toEqual([
      'networks.admin.backend: backend "people" is of kind ldap, and this needs libvirt, virtualbox, embedded or openstack. Fitting: rack.',
    ]);
  });

  test("a public range is only warned of", () => {
    expect(planned(network({ cidr: "8.8.8.0/24" })).notes).toEqual([
      expect.stringContaining("no private range"),
    ]);
  });
});

describe("side by side", () => {
  test("two networks of one hypervisor must not overlap, and a free one is named", () => {
    expect(told(networks({ admin: { cidr: "10.20.0.0/24" }, public: { cidr: "10.20.0.0/25" } }))).toEqual([
      'networks.public.cidr: 10.20.0.0/25 overlaps 10.20.0.0/24 of network "admin" on the same hypervisor. Choose another, like 10.20.1.0/25.',
    ]);
  });

  test("one large network that holds two others is told at both", () => {
    const problems = told(
      networks({ a: { cidr: "10.20.0.0/16" }, b: { cidr: "10.20.0.0/24" }, c: { cidr: "10.20.200.0/24" } }),
    );
    expect(problems.map((text) => text.split(":")[0])).toEqual(["networks.b.cidr", "networks.c.cidr"]);
  });

  test("on two hypervisors they may, unless both names mean the same one", () => {
    const nets = {
      a: { backend: "rack", cidr: "10.20.0.0/24" },
      b: { backend: "desk", cidr: "10.20.0.0/24" },
    };
    const rack = { kind: "libvirt" as const, uri: "qemu:///system" };
    expect(
      told(lab({ backends: { rack, desk: { ...rack, uri: "qemu:///session" } }, networks: nets })),
    ).toEqual([]);
    expect(told(lab({ backends: { rack, desk: { ...rack } }, networks: nets }))).toHaveLength(1);
    expect(
      told(
        lab({
          backends: { rack: { kind: "embedded" }, desk: { ...rack, uri: "embedded:" } },
          networks: nets,
        }),
      ),
    ).toHaveLength(1);
  });

  test("IPv6 too", () => {
    const config = networks({
      a: { cidr: "10.20.0.0/24", ipv6: { cidr: "fd00:20::/64" } },
      b: { cidr: "10.20.1.0/24", ipv6: { cidr: "fd00:20::/48" } },
    });
    expect(told(config)).toEqual([
      expect.stringContaining("networks.b.ipv6.cidr: fd00:20::/48 overlaps fd00:20::/64"),
    ]);
  });

  test("a bridge is made by one network; two may be on the same bridge of the host", () => {
    expect(
      told(
        networks({ a: { cidr: "10.20.0.0/24", bridge: "br1" }, b: { cidr: "10.20.1.0/24", bridge: "br1" } }),
      ),
    ).toEqual([expect.stringContaining('networks.b.bridge: bridge "br1" is made by network "a"')]);
    expect(told(networks({ a: { bridge: "br0" }, b: { bridge: "br0" } }))).toEqual([]);
  });

  test("names at the hypervisor must differ", () => {
    expect(told(networks({ a: { cidr: "10.20.0.0/24" }, b: { cidr: "10.20.1.0/24", name: "a" } }))).toEqual([
      expect.stringContaining('networks.b.name: network "a" is called "a" at that hypervisor too'),
    ]);
  });
});
