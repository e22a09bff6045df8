import { describe, expect, it } from "vitest";
import { pairProblems } from "../../providers/overlay/matrix";
import type { Nodes } from "../systems/nodes/start";
import { type Name, Overlay, type Shape } from "./overlay.lab";

const SHAPES: [string, Shape][] = [
  ["a mesh", {}],
  ["a star, whose hub passes packets on", { hub: "node2" }],
  ["trap openstack#22: a mesh over IPv6, whose packets are 70 bytes smaller", { over: "ipv6" }],
  ["a star over IPv6", { over: "ipv6", hub: "node1" }],
  ["a mesh of small packets", { mtu: 1200 }],
];

/** All pairs, measured by real pings. */
export function pairsSuite(nodes: () => Nodes): void {
  describe("all pairs reach each other", () => {
    for (const [title, shape] of SHAPES)
      it(`${title}: with packets of the full size, not with a byte more, and nothing is left afterwards`, async () => {
        const overlay = new Overlay(nodes(), shape);
        const before = await overlay.snapshots();
        const states = await overlay.upAll();
        for (const state of states) expect(await overlay.look(state)).toEqual(state);

        const matrix = await overlay.measure();
        expect(matrix).toHaveLength(6);
        expect(matrix).toContainEqual({
          ...{ from: "node1", to: "node3", address: "172.24.4.13", reached: true, fullSize: true },
        });
        expect(pairProblems(matrix)).toEqual([]);
        for (const pair of await overlay.measure(undefined, overlay.mtu + 1)) {
          const reason = `message too long, mtu=${overlay.mtu}`;
          expect(pair).toMatchObject({ reached: true, fullSize: false, reason });
        }
        await overlay.removeAll();
        expect(await overlay.snapshots()).toEqual(before);
        for (const state of states) expect(await overlay.look(state)).toBeUndefined();
      });

    it("a broken link makes exactly that pair fail, and names it; mended, it is well again", async () => {
      const overlay = new Overlay(nodes());
      await overlay.upAll();
      await nodes().cut(overlay.node("node1"), overlay.node("node3"));
      const matrix = await overlay.measure();
      expect(matrix.filter(({ reached }) => !reached).map(({ from, to }) => `${from} ${to}`)).toEqual([
        "node1 node3",
        "node3 node1",
      ]);
      expect(pairProblems(matrix)).toEqual([
        expect.stringMatching(/^"node3" \(172.24.4.13\) is not reached from "node1": .+/),
        expect.stringMatching(/^"node1" \(172.24.4.11\) is not reached from "node3": .+/),
      ]);
      await nodes().mend(overlay.node("node1"), overlay.node("node3"));
      expect(pairProblems(await overlay.measure())).toEqual([]);
      await overlay.removeAll();
    });

    it("in a star, what is cut from the hub reaches nobody", async () => {
      const overlay = new Overlay(nodes(), { hub: "node2" });
      await overlay.upAll();
      await nodes().cut(overlay.node("node1"), overlay.node("node2"));
      const failed = (await overlay.measure()).filter(({ reached }) => !reached);
      expect(failed.map(({ from, to }) => `${from} ${to}`)).toEqual([
        ...["node1 node2", "node1 node3", "node2 node1", "node3 node1"],
      ]);
      await nodes().mend(overlay.node("node1"), overlay.node("node2"));
      await overlay.removeAll();
    });

    it("an underlay that is narrower than its devices say is found by the packets of the full size", async () => {
      const overlay = new Overlay(nodes());
      await overlay.upAll();
      await overlay.sh("node2", "ip link set eth0 mtu 1400");
      const matrix = await overlay.measure();
      await overlay.sh("node2", "ip link set eth0 mtu 1500");
      const pair = (from: Name, to: Name) => matrix.find((one) => one.from === from && one.to === to);
      expect(pair("node1", "node3")).toMatchObject({ reached: true, fullSize: true });
      for (const [from, to] of [
        ["node1", "node2"],
        ["node2", "node3"],
      ] as const)
        expect(pair(from, to)).toMatchObject({ reached: true, fullSize: false });
      expect(pairProblems(matrix).join("\n")).toMatch(
        /"node2" \(172.24.4.12\) is reached, but not with packets of the full size from "node1": \S/,
      );
      // What the kernel has learned of the narrow path is not believed once it is mended.
      expect(pairProblems(await overlay.measure())).toEqual([]);
      await overlay.removeAll();
    });

    it("a node that nobody can log in to is told as the reason of its pairs", async () => {
      const overlay = new Overlay(nodes(), { names: ["node1", "node2"] });
      await overlay.upAll();
      const connect = overlay.connect.bind(overlay);
      overlay.connect = (name) =>
        name === "node1" ? Promise.reject(new Error("node1: refused")) : connect(name);
      expect(await overlay.measure()).toEqual([
        {
          ...{ from: "node1", to: "node2", address: "172.24.4.12" },
          ...{ reached: false, fullSize: false, reason: "node1: refused" },
        },
        { from: "node2", to: "node1", address: "172.24.4.11", reached: true, fullSize: true },
      ]);
      await overlay.remove("node1");
      await overlay.remove("node2");
    });

    it("comes back by itself after a reboot", async () => {
      for (const shape of [{}, { hub: "node2" }] satisfies Shape[]) {
        const overlay = new Overlay(nodes(), shape);
        const states = await overlay.upAll();
        const there = await overlay.snapshots();
        await nodes().reboot(overlay.node("node2"));
        expect(await overlay.snapshots()).toEqual(there);
        expect(pairProblems(await overlay.measure())).toEqual([]);
        for (const state of states) expect(await overlay.look(state)).toEqual(state);
        await overlay.removeAll();
        await nodes().reboot(overlay.node("node2"));
        expect(await nodes().inside(overlay.node("node2"), "ls", "/sys/class/net")).toBe("eth0\nlo\n");
      }
    });
  });
}
