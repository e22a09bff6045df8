import "tsx/cjs"; // parts are loaded by require()
import { spawnSync } from "node:child_process";
import { describe, expect, it } from "vitest";
import { changesOf, sentence } from "../../../../providers/core/change";
import { problemsOf, refusals } from "../../../../providers/overlay/endpoint.checks";
import { endpointDefinition } from "../../../../providers/overlay/endpoint.handlers";
import { parseFlood, parseLinks, parseOvsPorts } from "../../../../providers/overlay/endpoint.links";
import { flaws, readSections, stateOf } from "../../../../providers/overlay/endpoint.look";
import { aliasOf, canonical, macOf, overhead, portName } from "../../../../providers/overlay/endpoint.names";
import * as remote from "../../../../providers/overlay/endpoint.remote";
import { ownerIn, renderScript, renderUnit, settingIn } from "../../../../providers/overlay/endpoint.script";
import { PING } from "../../../../providers/overlay/matrix.remote";
import type { EndpointInputs } from "../../../../providers/overlay/types";

const mark = { lab: "l4b", stack: "dev", name: "ctl" };
const run = { mark };

const inputs = (more: Partial<EndpointInputs> = {}): EndpointInputs => ({
  name: "ctl",
  backend: "b",
  login: { user: "root" },
  bridge: "linux",
  device: "br-infra",
  vni: 4011,
  port: 4789,
  mtu: 1450,
  local: "192.0.2.10",
  address: "172.24.4.3/23",
  peers: {
    hv2: { underlay: "192.0.2.12", overlay: "172.24.4.5" },
    hv1: { underlay: "192.0.2.11", overlay: "172.24.4.4" },
  },
  ...more,
});

/** What a node says on which all is as it must be; in the parts that matter (iproute2 6.1). */
const links = (more: object = {}, bridge: object = {}) => [
  {
    ifname: "lo",
    flags: ["LOOPBACK", "UP"],
    mtu: 65536,
    address: "00:00:00:00:00:00",
    addr_info: [{ local: "127.0.0.1", prefixlen: 8, scope: "host" }],
  },
  {
    ifname: "eth0",
    flags: ["UP"],
    mtu: 1500,
    address: "52:54:00:00:00:01",
    addr_info: [{ local: "192.0.2.10", prefixlen: 24, scope: "global" }],
  },
  {
    ...{ ifname: "br-infra", flags: ["BROADCAST", "UP"], mtu: 1450, address: macOf(mark, "br-infra") },
    ...{ ifalias: aliasOf(mark), linkinfo: { info_kind: "bridge", info_data: {} } },
    addr_info: [
      { local: "172.24.4.3", prefixlen: 23, scope: "global" },
      { local: "fe80::1", prefixlen: 64, scope: "link" },
    ],
    ...bridge,
  },
  {
    ...{ ifname: "lpvx4011", flags: ["UP"], mtu: 1450, address: "aa:00:00:00:00:01", master: "br-infra" },
    ifalias: aliasOf(mark),
    linkinfo: {
      info_kind: "vxlan",
      info_data: { id: 4011, local: "192.0.2.10", port: 4789, df: "set" },
      info_slave_kind: "bridge",
      info_slave_data: { hairpin: false, learning: true },
    },
    addr_info: [],
    ...more,
  },
];
const fdb = [
  { mac: "00:00:00:00:00:00", dst: "192.0.2.11", flags: ["self"], state: "permanent" },
  { mac: "00:00:00:00:00:00", dst: "192.0.2.12", flags: ["self"], state: "permanent" },
  { mac: "02:11:22:33:44:55", dst: "192.0.2.12", flags: ["self"] },
  { mac: "aa:00:00:00:00:01", master: "br-infra", state: "permanent" },
];

const output = (wanted: EndpointInputs, seen = links(), peers: object[] = fdb, enabled = "enabled") =>
  [
    `== links\n${JSON.stringify(seen)}`,
    `== fdb\n${JSON.stringify(peers)}`,
    `== enabled\n${enabled}`,
    `== unit\n${renderUnit("br-infra", mark)}`,
    `== script\n${renderScript(wanted, mark)}\n`,
  ].join("\n");

const found = (...words: Parameters<typeof output>) => readSections(output(...words));

describe("what is on the node", () => {
  it("is the state, where all is as it must be", () => {
    expect(flaws(inputs(), found(inputs()), run)).toEqual([]);
    expect(stateOf(inputs(), found(inputs()), run)).toEqual({ ...inputs(), active: true });
  });

  it("is told field by field where it is not", () => {
    const data = { id: 12, local: "192.0.2.99", port: 8472, df: "set" };
    const other = links({
      ifname: "lpvx12",
      linkinfo: { info_kind: "vxlan", info_data: data, info_slave_data: { hairpin: true } },
    });
    expect(stateOf(inputs(), found(inputs(), other), run)).toMatchObject({
      ...{ vni: 12, local: "192.0.2.99", port: 8472, forwards: true, active: false },
    });
    const lost = stateOf(inputs(), found(inputs(), links(), fdb.slice(1)), run);
    expect(Object.keys(lost.peers)).toEqual(["hv2"]);
    expect(lost.active).toBe(true);
  });

  it.each([
    [
      "one that may cut packets in pieces",
      links({
        linkinfo: {
          info_kind: "vxlan",
          info_data: { id: 4011, local: "192.0.2.10", port: 4789, df: "unset" },
          info_slave_data: { hairpin: false },
        },
      }),
      /way to the peers/,
    ],
    ["one that is down", links({ flags: [] }), /way to the peers/],
    ["one without a mark", links({ ifalias: undefined }), /way to the peers/],
    ["one on no bridge", links({ master: undefined }), /way to the peers/],
    ["a bridge that is down", links({}, { flags: [] }), /br-infra is down/],
    ["a bridge with another MAC", links({}, { address: "02:00:00:00:00:01" }), /another MAC/],
    ["a bridge without its address", links({}, { addr_info: [] }), /has not the address/],
  ])("%s", (_what, seen, flaw) => {
    expect(flaws(inputs(), found(inputs(), seen), run).join()).toMatch(flaw);
    expect(stateOf(inputs(), found(inputs(), seen), run).active).toBe(false);
  });

  it("needs the script of these very inputs, and a unit that is enabled where there is systemd", () => {
    expect(flaws(inputs({ mtu: 1400 }), found(inputs()), run).join()).toMatch(/br-infra.sh was changed/);
    expect(flaws(inputs(), found(inputs(), links(), fdb, "disabled"), run)).toEqual([
      "labplan-overlay-br-infra.service is not enabled",
    ]);
    const without = readSections(
      output(inputs())
        .replace(/== enabled\nenabled\n/, "")
        .replace(/== unit\n[^=]*=[\s\S]*?\n(?=== script)/, "== unit\n\n"),
    );
    expect(without.enabled).toBeUndefined();
    expect(flaws(inputs(), without, run)).toEqual([]);
  });

  it("of Open vSwitch: its tables, as maps and sets", () => {
    const ports = parseOvsPorts(
      '{"data":[["br-infra","internal",["map",[]]],["lpvx-1","vxlan",["map",[["dst_port","4789"],["key","4011"],["local_ip","192.0.2.10"],["remote_ip","192.0.2.11"]]]],["eth0","",["map",[]]]],"headings":["name","type","options"]}',
      '{"data":[["eth0",false],["lpvx-1",true]],"headings":["name","protected"]}',
    );
    expect(ports).toEqual([
      { name: "lpvx-1", remote: "192.0.2.11", local: "192.0.2.10", vni: 4011, port: 4789, protected: true },
    ]);
  });

  it("nothing at all", () => {
    expect(parseLinks("")).toEqual([]);
    expect(parseFlood("")).toEqual([]);
    expect(parseOvsPorts("", "")).toEqual([]);
  });
});

describe("the script", () => {
  const parse = (text: string) => spawnSync("sh", ["-n"], { input: text, encoding: "utf8" }).stderr;

  it("and all that is run there is a POSIX shell's", () => {
    for (const bridge of ["linux", "ovs"] as const)
      expect(parse(renderScript(inputs({ bridge }), mark))).toBe("");
    for (const text of [...Object.values(remote), PING])
      if (typeof text === "string") expect(parse(text)).toBe("");
  });

  it("says whose it is, and what was set up last; the same peers in another order make the same text", () => {
    const text = renderScript(inputs(), mark);
    expect(ownerIn(text)).toBe("l4b/dev/ctl");
    expect(ownerIn("#!/bin/sh\necho\n")).toBeUndefined();
    expect(settingIn(text, "address")).toBe("172.24.4.3/23");
    expect(settingIn(text, "peers")).toBe("192.0.2.11 192.0.2.12");
    const { hv1, hv2 } = inputs().peers;
    expect(renderScript(inputs({ peers: { hv1, hv2 } as EndpointInputs["peers"] }), mark)).toBe(text);
  });

  it("a hub passes packets on; a spoke does not look for itself behind the hub", () => {
    const settings = (more: Partial<EndpointInputs>) => {
      const text = renderScript(inputs(more), mark);
      return ["forwards", "learning"].map((name) => settingIn(text, name));
    };
    const { hv1 } = inputs().peers;
    expect(settings({})).toEqual(["off", "on"]);
    expect(settings({ forwards: true })).toEqual(["on", "on"]);
    expect(settings({ peers: { hv1 } as EndpointInputs["peers"] })).toEqual(["off", "off"]);
  });

  it("a mark with odd characters stays one word, and in its line", () => {
    const odd = { ...mark, name: "a'b\nc d" };
    const text = renderScript(inputs(), odd);
    expect(parse(text)).toBe("");
    expect(ownerIn(text)).toBe("l4b/dev/a%27b%0Ac%20d");
  });

  it("ports of Open vSwitch have names of at most 15 characters, one for each peer", () => {
    const names = Array.from({ length: 250 }, (_, index) => portName("br-infra", `192.0.2.${index}`));
    expect(new Set(names).size).toBe(250);
    for (const name of names) expect(name).toMatch(/^lpvx-[0-9a-f]{8}$/);
  });
});

describe("what is refused", () => {
  it("trap openstack#22: packets of the overlay are 50 bytes smaller than the underlay's, 70 over IPv6", () => {
    expect([overhead("192.0.2.1"), overhead("fd00::1")]).toEqual([50, 70]);
    const seen = found(inputs());
    expect(refusals(inputs(), seen, run)).toEqual([]);
    expect(refusals(inputs({ mtu: 1451 }), seen, run)).toMatchObject([
      { field: "mtu", message: expect.stringContaining("MTU of 1500, and packets of 1451 bytes need 1501") },
    ]);
  });

  it("addresses that are none", () => {
    expect(problemsOf(inputs())).toEqual([]);
    expect(problemsOf(inputs({ address: "172.24.4.300/23" })).map(({ field }) => field)).toEqual(["address"]);
    expect(problemsOf(inputs({ address: "172.24.4.3/33" })).map(({ field }) => field)).toEqual(["address"]);
    expect(problemsOf(inputs({ local: "192.0.2" })).map(({ field }) => field)).toContain("local");
  });

  it("IPv6 is compared as the kernel writes it", () => {
    expect(canonical("FD99:0::0:11")).toBe("fd99::11");
    expect(canonical("192.0.2.1")).toBe("192.0.2.1");
  });
});

describe("an edit", () => {
  const told = (more: Partial<EndpointInputs>) =>
    changesOf(endpointDefinition as never, { ...inputs() }, { ...inputs(more) }).fields.map(sentence);

  it("says what it does to the running overlay", () => {
    expect(told({ mtu: 1400 })[0]).toMatch(/^mtu 1450 → 1400: live /);
    expect(told({ vni: 7 })[0]).toMatch(
      /^vni 4011 → 7: needs a restart \(.*the bridge and what is on it stay/,
    );
    expect(told({ device: "br-x" })[0]).toMatch(/recreated/);
    expect(told({ bridge: "ovs" })[0]).toMatch(/recreated/);
    expect(told({ peers: {} })[0]).toMatch(/live \(peers are added and taken away one by one/);
    expect(told({ forwards: true })[0]).toMatch(/live/);
  });
});
