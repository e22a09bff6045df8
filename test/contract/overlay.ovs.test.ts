import "tsx/cjs"; // the handlers load parts of theirs by require()
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { REMOVE_OVS } from "../../providers/overlay/endpoint.remote";
import { pairProblems } from "../../providers/overlay/matrix";
import type { EndpointInputs } from "../../providers/overlay/types";
import { ovsAvailable, startOvs } from "../systems/nodes/ovs";
import { available, type Nodes, startNodes } from "../systems/nodes/start";
import { Killed, newTrace } from "./libvirt-handlers.run";
import { type Name, Overlay } from "./overlay.lab";

const reason = available() ?? ovsAvailable();
const STEPS = ["1/5 log in", "2/5 underlay", "3/5 script", "4/5 devices", "5/5 unit"];

/** Open vSwitch as it is, with its datapath in user space. */
describe.skipIf(reason && !process.env.CI)(
  `the overlay of Open vSwitch on real nodes${reason ? ` (not run: ${reason})` : ""}`,
  () => {
    let nodes: Nodes;
    beforeAll(async () => {
      nodes = await startNodes(3);
      await startOvs(nodes);
    });
    afterAll(() => nodes?.stop());

    /** Bridges, ports, addresses, files. */
    const snapshot = async (overlay: Overlay, name: Name): Promise<string> => {
      const table = (columns: string, of: string) =>
        `ovs-vsctl --format=csv --no-headings --columns=${columns} list ${of} | sort`;
      const text = await overlay.sh(
        name,
        [
          table("name,external_ids,other_config", "bridge"),
          table("name,protected", "port"),
          table("name,type,options,mtu_request", "interface"),
          "ip -br addr | sort; find /etc/labplan /etc/systemd/system -name '*labplan*' -o -name 'br-*' | sort",
        ].join("; "),
      );
      return text.replaceAll(/ fe80\S+/g, "").replaceAll(/@if\d+/g, "");
    };
    const overlayOf = (more: ConstructorParameters<typeof Overlay>[1] = {}) =>
      new Overlay(nodes, { bridge: "ovs", ...more });

    for (const [title, shape] of [
      ["a mesh, in which nothing goes round in circles", {}],
      ["a star, whose hub passes packets on", { hub: "node2" }],
    ] as const)
      it(`${title}: all pairs with packets of the full size; after a reboot, too; and nothing is left afterwards`, async () => {
        const overlay = overlayOf(shape);
        const before = await snapshot(overlay, "node2");
        const states = await overlay.upAll();
        for (const state of states) expect(await overlay.look(state)).toEqual(state);
        expect(pairProblems(await overlay.measure())).toEqual([]);
        for (const pair of await overlay.measure(undefined, overlay.mtu + 1))
          expect(pair).toMatchObject({ reached: true, fullSize: false });
        // One broadcast is answered once.
        expect(await overlay.sh("node1", "ping -n -c 3 -i 0.2 -W 2 172.24.4.13")).not.toContain("DUP");

        await nodes.reboot(overlay.node("node2"));
        for (const state of states) expect(await overlay.look(state)).toEqual(state);
        expect(pairProblems(await overlay.measure())).toEqual([]);
        await overlay.removeAll();
        expect(await snapshot(overlay, "node2")).toBe(before);
        for (const state of states) expect(await overlay.look(state)).toBeUndefined();
      });

    it("a broken link makes exactly that pair fail", async () => {
      const overlay = overlayOf();
      await overlay.upAll();
      // Its own bridge sends what is for the peer: the datapath in user space asks no routes of the kernel's.
      const drop = "ovs-ofctl add-flow underlay priority=100,ip,nw_src=10.99.0.13,actions=drop";
      await overlay.sh("node1", drop);
      const failed = (await overlay.measure()).filter(({ reached }) => !reached);
      expect(failed.map(({ from, to }) => `${from} ${to}`)).toEqual(["node1 node3", "node3 node1"]);
      await overlay.sh("node1", "ovs-ofctl del-flows underlay ip,nw_src=10.99.0.13");
      await overlay.removeAll();
    });

    it("edited while it runs; a refresh finds what is otherwise, and an up sets it right", async () => {
      const overlay = overlayOf({ names: ["node1", "node2"] });
      for (const more of [
        {},
        { vni: 77 },
        { port: 4790 },
        { mtu: 1300 },
      ] satisfies Partial<EndpointInputs>[]) {
        const states = await overlay.upAll(more);
        for (const state of states) expect(await overlay.look(state)).toEqual(state);
        expect(pairProblems(await overlay.measure(undefined, more.mtu ?? 1450))).toEqual([]);
      }
      const [state] = await overlay.upAll();
      if (!state) throw new Error("no state");
      const clean = await snapshot(overlay, "node1");
      const port = (await overlay.sh("node1", "ovs-vsctl list-ports br-infra")).trim();
      for (const [what, found] of [
        [`ovs-vsctl del-port ${port}`, { peers: {}, active: true }],
        [`ovs-vsctl set interface ${port} options:key=9`, { vni: 9 }],
        [`ovs-vsctl set port ${port} protected=false`, { forwards: true }],
        ["ip addr flush dev br-infra", { active: false }],
        ["ovs-vsctl del-br br-infra", { active: false }],
      ] as const) {
        await overlay.sh("node1", what);
        expect(await overlay.look(state), what).toMatchObject(found);
        expect(await overlay.up("node1"), what).toEqual(state);
        expect(await snapshot(overlay, "node1"), what).toBe(clean);
      }
      await overlay.remove("node1");
      await overlay.remove("node2");
    });

    it("an Open vSwitch that was stopped, as devstack's unstack.sh does it: told, and its end goes all the same", async () => {
      const overlay = overlayOf({ names: ["node1", "node2"] });
      const [state] = await overlay.upAll();
      if (!state) throw new Error("no state");
      await overlay.sh("node1", "ovs-appctl -t ovsdb-server exit");
      expect(await overlay.look(state)).toMatchObject({ active: false });
      await expect(overlay.up("node1")).rejects.toThrow(
        /Open vSwitch does not answer there \(.*database connection failed.*unstack.sh stops and disables it/,
      );
      const trace = newTrace();
      await overlay.remove("node1", {}, { trace });
      expect(trace.said.join()).toMatch(/does not answer there .*ovs-vsctl --if-exists del-br br-infra/);
      expect(await overlay.look(state)).toBeUndefined();
      await overlay.sh(
        "node1",
        "ovsdb-server /etc/openvswitch/conf.db --remote=punix:/run/openvswitch/db.sock --detach --no-chdir --pidfile --log-file >/dev/null 2>&1; ovs-vsctl --timeout=20 --if-exists del-br br-infra",
      );
      // Its database answers, and nobody carries out what is in it.
      await overlay.sh(
        "node2",
        `kill -STOP $(cat /run/openvswitch/ovs-vswitchd.pid); set -- br-infra; ( ${REMOVE_OVS} ); code=$?; kill -CONT $(cat /run/openvswitch/ovs-vswitchd.pid); exit $code`,
      );
      expect(await overlay.sh("node2", "ovs-vsctl list-br")).not.toContain("br-infra");
      await overlay.remove("node2");
    });

    it("a bridge of somebody else is left alone", async () => {
      const overlay = overlayOf({ names: ["node1", "node2"] });
      await overlay.sh("node1", "ovs-vsctl add-br br-infra");
      const before = await snapshot(overlay, "node1");
      const problems = await overlay.precheck("node1");
      expect(problems).toEqual([
        expect.stringMatching(/^device: .*there is a device "br-infra" already that is not ours/),
      ]);
      await expect(overlay.up("node1")).rejects.toThrow(/already that is not ours/);
      await overlay.remove("node1");
      expect(await snapshot(overlay, "node1")).toBe(before);
      await overlay.sh("node1", "ovs-vsctl del-br br-infra");
    });

    it("killed at any step, and run again: the end is that of a clean run, and nothing is left", async () => {
      const overlay = overlayOf();
      const before = await snapshot(overlay, "node1");
      const state = await overlay.up("node1");
      const there = await snapshot(overlay, "node1");
      await overlay.remove("node1");
      for (const dieAt of STEPS) {
        await expect(overlay.up("node1", {}, { dieAt })).rejects.toThrow(Killed);
        expect(await overlay.up("node1"), dieAt).toEqual(state);
        expect(await snapshot(overlay, "node1"), dieAt).toBe(there);
        await overlay.remove("node1");
        await expect(overlay.up("node1", {}, { dieAt })).rejects.toThrow(Killed);
        await overlay.remove("node1");
        expect(await snapshot(overlay, "node1"), dieAt).toBe(before);
      }
    });
  },
);
