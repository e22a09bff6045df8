import { describe, expect, it } from "vitest";
import { SandboxLinks } from "../../../../embedded/devstack/sandbox-links";
import { type Neighbour, ping, wayTo } from "../../../../embedded/devstack/sandbox-reach";

/** Sandboxes whose devices are set up as by hand: which packets would come through. */
const ALL = "00:00:00:00:00:00";

function node(name: string, underlay: string): Neighbour & { run(...commands: string[]): void } {
  const links = new SandboxLinks([{ mac: "52:54:00:00:00:01", ip: underlay }]);
  return {
    name,
    addresses: [underlay],
    links,
    run: (...commands) => {
      for (const command of commands) {
        const [program, ...words] = command.split(" ");
        const said = program === "ip" ? links.ip(words) : links.bridge(words);
        expect(said, command).toMatchObject({ code: 0 });
      }
    },
  };
}

const join = (
  one: ReturnType<typeof node>,
  overlay: string,
  peers: string[],
  more = "id 7 dstport 4789",
): void =>
  one.run(
    "ip link add name br0 type bridge",
    `ip link add name vx0 type vxlan ${more} local ${one.addresses[0]} df set`,
    "ip link set dev vx0 mtu 1450 master br0 up",
    "ip link set dev br0 mtu 1450 up",
    `ip addr replace ${overlay}/23 dev br0`,
    ...peers.map((peer) => `bridge fdb append ${ALL} dev vx0 dst ${peer}`),
  );

const three = () => [node("a", "10.0.0.1"), node("b", "10.0.0.2"), node("c", "10.0.0.3")] as const;
const whole = () => false;

describe("packets between sandboxes", () => {
  it("go both ways in a mesh, and nowhere when one end is not set up, is down or has no way back", () => {
    const [a, b, c] = three();
    join(a, "172.24.4.1", ["10.0.0.2", "10.0.0.3"]);
    const reach = () => wayTo(a, "172.24.4.2", [a, b, c], whole)?.to.name;
    expect(reach()).toBeUndefined();
    join(b, "172.24.4.2", ["10.0.0.1", "10.0.0.3"]);
    expect(reach()).toBe("b");
    expect(wayTo(b, "172.24.4.1", [a, b, c], whole)?.to.name).toBe("a");
    b.run(`bridge fdb del ${ALL} dev vx0 dst 10.0.0.1`);
    expect(reach()).toBeUndefined();
    b.run(`bridge fdb append ${ALL} dev vx0 dst 10.0.0.1`, "ip link set dev vx0 down");
    expect(reach()).toBeUndefined();
    b.run("ip link set dev vx0 up");
    expect(reach()).toBe("b");
    expect(wayTo(a, "172.24.4.2", [a, b, c], (one, other) => one === b && other === a)).toBeUndefined();
  });

  it.each([
    ["identifier", "id 8 dstport 4789"],
    ["port", "id 7 dstport 8472"],
  ])("do not come from an end with another %s", (_what, settings) => {
    const [a, b] = three();
    join(a, "172.24.4.1", ["10.0.0.2"]);
    join(b, "172.24.4.2", ["10.0.0.1"], settings);
    expect(wayTo(a, "172.24.4.2", [a, b], whole)).toBeUndefined();
  });

  it("pass the hub of a star, when it forwards", () => {
    const [hub, b, c] = three();
    join(hub, "172.24.4.1", ["10.0.0.2", "10.0.0.3"]);
    join(b, "172.24.4.2", ["10.0.0.1"]);
    join(c, "172.24.4.3", ["10.0.0.1"]);
    expect(wayTo(b, "172.24.4.3", [hub, b, c], whole)).toBeUndefined();
    hub.run("bridge link set dev vx0 hairpin on learning on");
    expect(wayTo(b, "172.24.4.3", [hub, b, c], whole)?.to.name).toBe("c");
  });

  it("are as large as the smallest device on their way lets them be", () => {
    const [a, b] = three();
    join(a, "172.24.4.1", ["10.0.0.2"]);
    join(b, "172.24.4.2", ["10.0.0.1"]);
    const say = (...words: string[]) =>
      ping(["-n", "-c", "1", ...words, "172.24.4.2"], (at) => wayTo(a, at, [a, b], whole));
    expect(say("-M", "do", "-s", "1422")).toMatchObject({
      code: 0,
      text: expect.stringContaining("1 received, 0% packet loss"),
    });
    expect(say("-M", "do", "-s", "1423")).toMatchObject({
      code: 1,
      text: expect.stringContaining("message too long, mtu=1450"),
    });
    b.run("ip link set dev vx0 mtu 1400");
    expect(say("-M", "do", "-s", "1422")).toMatchObject({
      code: 1,
      text: expect.stringContaining("100% packet loss"),
    });
    // May be cut in pieces.
    expect(say("-s", "1422").code).toBe(0);
    // A device that promises more than the underlay carries.
    for (const one of [a, b]) one.run("ip link set dev vx0 mtu 1500", "ip link set dev br0 mtu 1500");
    expect(say("-M", "do", "-s", "1472")).toMatchObject({
      code: 1,
      text: expect.stringContaining("100% packet loss"),
    });
  });

  it("go to the underlay's addresses and to oneself without any overlay", () => {
    const [a, b] = three();
    expect(wayTo(a, "10.0.0.2", [a, b], whole)).toMatchObject({ mtu: 1500 });
    expect(wayTo(a, "127.0.0.1", [a, b], whole)?.to.name).toBe("a");
    expect(wayTo(a, "10.0.0.9", [a, b], whole)).toBeUndefined();
  });
});

describe("devices of a sandbox", () => {
  it("say what was set, as text and as JSON", () => {
    const [a] = three();
    join(a, "172.24.4.1", ["10.0.0.2"]);
    a.run("ip link set dev vx0 alias labplan:one");
    expect(a.links.ip(["-d", "link", "show", "dev", "vx0"])?.text).toContain(
      "    vxlan id 7 local 10.0.0.1 srcport 0 0 dstport 4789 ",
    );
    expect(a.links.ip(["link", "show", "dev", "vx0"])?.text.split("\n")).toContain("    alias labplan:one");
    expect(a.links.ip(["-o", "link", "show", "master", "br0"])?.text).toMatch(/^\d+: vx0: <[^\n]*\n$/);
    const json = JSON.parse(a.links.ip(["-j", "-d", "addr", "show"])?.text ?? "") as Record<
      string,
      unknown
    >[];
    expect(json.find((one) => one.ifname === "vx0")).toMatchObject({
      mtu: 1450,
      master: "br0",
      ifalias: "labplan:one",
      linkinfo: {
        info_kind: "vxlan",
        info_data: { id: 7, local: "10.0.0.1", port: 4789 },
        info_slave_data: { hairpin: false },
      },
    });
    expect(json.find((one) => one.ifname === "br0")).toMatchObject({
      addr_info: [{ local: "172.24.4.1", prefixlen: 23 }],
    });
    expect(JSON.parse(a.links.bridge(["-j", "fdb", "show", "dev", "vx0"])?.text ?? "")).toMatchObject([
      { mac: ALL, dst: "10.0.0.2" },
    ]);
  });

  it("refuse what the kernel refuses", () => {
    const [a] = three();
    join(a, "172.24.4.1", ["10.0.0.2"]);
    const code = (line: string) => a.links.ip(line.split(" "))?.code;
    expect(code("link add name br0 type bridge")).toBe(2);
    expect(code("link add name vx9 type vxlan id 7 dstport 4789 local 10.0.0.1")).toBe(2);
    expect(code("link show dev none")).toBe(1);
    expect(code("link set dev none up")).toBe(1);
    expect(code("addr del 172.24.9.9/23 dev br0")).toBe(2);
    expect(a.links.bridge(`fdb append ${ALL} dev vx0 dst 10.0.0.2`.split(" "))?.code).toBe(2);
    expect(code("link del dev br0")).toBe(0);
    expect(a.links.find("vx0")?.master).toBeUndefined();
  });
});
