import { describe, expect, it } from "vitest";
import type { EndpointInputs } from "../../providers/overlay/types";
import type { Nodes } from "../systems/nodes/start";
import { newTrace, Overlay } from "./overlay.lab";

/** Edits of what runs, and what a refresh finds. */
export function liveSuite(nodes: () => Nodes): void {
  describe("edited while it runs", () => {
    it("a peer is added and taken away without a gap for the others", async () => {
      const two = new Overlay(nodes(), { names: ["node1", "node2"] });
      const three = new Overlay(nodes());
      await two.upAll();
      const pinging = two.sh("node1", "ping -n -q -i 0.02 -c 200 -W 2 172.24.4.12");
      await three.upAll();
      expect(await three.measure([["node1", "node3"]])).toMatchObject([{ reached: true, fullSize: true }]);
      // While it sends, the others learn of it anew.
      await three.remove("node3");
      const states = await two.upAll();
      expect(await pinging).toMatch(/200 packets transmitted, 200 received/);
      expect(states[0]?.peers).not.toHaveProperty("node3");
      expect(await two.measure()).toMatchObject([{ reached: true }, { reached: true }]);
      // What was learned of it is forgotten, too.
      expect(await two.sh("node1", "bridge fdb show dev lpvx4011 | grep -c 10.99.0.13 || :")).toBe("0\n");
      await two.remove("node1");
      await two.remove("node2");
    });

    it("each field in turn; nothing of before is left, and what others put on the bridge stays", async () => {
      const overlay = new Overlay(nodes(), { names: ["node1", "node2"] });
      await overlay.upAll();
      await overlay.sh(
        "node1",
        "ip link add name tap0 type veth peer name tap1; ip link set dev tap0 master br-infra; ip addr add 192.0.2.1/24 dev br-infra",
      );
      for (const more of [
        { vni: 5012 },
        { vni: 5012, port: 4790 },
        { vni: 5012, port: 4790, mtu: 1300 },
        { vni: 5012, port: 4790, mtu: 1300, forwards: true },
        {},
      ] satisfies Partial<EndpointInputs>[]) {
        const states = await overlay.upAll(more);
        for (const state of states) expect(await overlay.look(state)).toEqual(state);
        if (!("forwards" in more))
          expect(await overlay.measure(undefined, more.mtu ?? 1450)).toMatchObject([
            { fullSize: true },
            { fullSize: true },
          ]);
        expect(await overlay.sh("node1", "ip -br link show type vxlan | wc -l")).toBe("1\n");
        expect(await overlay.sh("node1", "ip -br link show master br-infra | sort")).toMatch(
          /^lpvx.*\ntap0@tap1/,
        );
      }
      const moved = await overlay.up("node1", { address: "172.24.4.99/23" });
      expect(await overlay.look(moved)).toEqual(moved);
      expect(await overlay.sh("node1", "ip -4 -br addr show dev br-infra")).toMatch(
        /192.0.2.1\/24 172.24.4.99\/23 \n$/,
      );
      await overlay.remove("node1");
      await overlay.remove("node2");
      expect(await overlay.sh("node1", "ip -br link show dev tap0; ip link del dev tap0")).toContain(
        "tap0@tap1",
      );
    });

    it("a refresh finds what is otherwise, and an up sets it right", async () => {
      const overlay = new Overlay(nodes(), { names: ["node1", "node2"] });
      const [state] = await overlay.upAll();
      if (!state) throw new Error("no state");
      const clean = await overlay.snapshot("node1");
      const fdb = "bridge fdb del 00:00:00:00:00:00 dev lpvx4011 dst 10.99.0.12";
      const strange = "bridge fdb append 00:00:00:00:00:00 dev lpvx4011 dst 10.99.0.77";
      for (const [what, found] of [
        [fdb, { peers: {}, active: true }],
        [strange, { peers: { ...state.peers, "10.99.0.77": { underlay: "10.99.0.77", overlay: "" } } }],
        ["ip link set dev br-infra mtu 1400", { mtu: 1400 }],
        ["ip link set dev lpvx4011 mtu 1400", { mtu: 1400 }],
        ["bridge link set dev lpvx4011 hairpin on", { forwards: true }],
        ["ip link set dev br-infra down", { active: false }],
        ["ip link set dev lpvx4011 down", { active: false }],
        ["ip link set dev lpvx4011 nomaster", { active: false }],
        ["ip link del dev lpvx4011", { active: false }],
        ["ip link del dev br-infra; ip link del dev lpvx4011", { active: false }],
        ["ip addr del 172.24.4.11/23 dev br-infra", { active: false }],
        ["ip link set dev br-infra address 02:00:00:00:00:07", { active: false }],
        ["echo true >> /etc/labplan/overlay/br-infra.sh", { active: false }],
        ["rm -r /etc/labplan", { active: false }],
        ["systemctl disable labplan-overlay-br-infra.service", { active: false }],
        ["rm /etc/systemd/system/labplan-overlay-br-infra.service", { active: false }],
      ] as const) {
        await overlay.sh("node1", `${what} 2>&1`);
        expect(await overlay.look(state), what).toMatchObject(found);
        expect(await overlay.up("node1"), what).toEqual(state);
        expect(await overlay.snapshot("node1"), what).toBe(clean);
      }
      await overlay.remove("node1");
      await overlay.remove("node2");
    });

    it("without systemd it says who has to bring it back at a boot", async () => {
      const overlay = new Overlay(nodes(), { names: ["node1", "node2"] });
      await overlay.sh("node1", "mv /usr/bin/systemctl /usr/bin/systemctl.away; [ ! -e /bin/systemctl ]");
      const trace = newTrace();
      const state = await overlay.up("node1", {}, { trace });
      expect(state.active).toBe(true);
      expect(trace.said.join()).toMatch(/no systemd .*run \/etc\/labplan\/overlay\/br-infra.sh/);
      expect(await overlay.look(state)).toEqual(state);
      await overlay.remove("node1");
      await overlay.sh("node1", "mv /usr/bin/systemctl.away /usr/bin/systemctl");
    });
  });
}
