import "tsx/cjs"; // the handlers load parts of theirs by require()
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { OnMachine } from "../../providers/core/definition";
import type { VerifyInputs, VerifyState } from "../../providers/devstack/types";
import { available, type Nodes, startNodes } from "../systems/nodes/start";
import { cloudsYaml } from "./devstack-cloud.lab";
import { newTrace, type RunOptions, runOn, up } from "./libvirt-handlers.run";
import { NAMES, Overlay } from "./overlay.lab";

const { verifyDefinition } =
  require("../../providers/devstack/verify.handlers") as typeof import("../../providers/devstack/verify.handlers");

const reason = available();

describe.skipIf(reason && !process.env.CI)(
  `a layout's overlay is verified by real pings on real nodes${reason ? ` (not run: ${reason})` : ""}`,
  () => {
    let nodes: Nodes;
    let overlay: Overlay;
    beforeAll(async () => {
      nodes = await startNodes(3);
      overlay = new Overlay(nodes);
      await overlay.upAll();
      await overlay.sh(
        "node1",
        `mkdir -p /etc/openstack; cat > /etc/openstack/clouds.yaml <<'END'\n${cloudsYaml("http://127.0.0.1:1/identity")}END`,
      );
    });
    afterAll(() => nodes?.stop());

    const inputs = (): VerifyInputs => {
      const login = { user: "root", identityFile: overlay.node("node1").identityFile };
      return {
        ...{ name: "devstack", backend: "b", login, mtu: 1_450, edition: "e1", boot: false },
        nodes: Object.fromEntries(
          NAMES.map((name) => [
            name,
            { login, role: "compute", hostName: name, overlay: overlay.overlay(name) },
          ]),
        ),
        pairs: NAMES.flatMap((from) =>
          NAMES.filter((to) => to !== from).map((to): [string, string] => [from, to]),
        ),
        // The control plane's part has tests of its own.
        ...{ cells: {}, services: {} },
      };
    };
    const verified = (options: RunOptions & { peers?: Record<string, OnMachine> } = {}) =>
      up(verifyDefinition, inputs(), {
        ...runOn<VerifyState>({ kind: "embedded" }, { name: "devstack", ...options }),
        on: overlay.node("node1").on,
        peers: options.peers ?? { node2: overlay.node("node2").on, node3: overlay.node("node3").on },
      });

    test("six pairs, each with a small packet and with one of exactly the MTU: the matrix is in the state", async () => {
      const trace = newTrace();
      const state = await verified({ trace });
      expect(state.matrix).toHaveLength(6);
      expect(state.matrix[0]).toEqual({
        ...{ from: "node1", to: "node2", address: "172.24.4.12", reached: true, fullSize: true },
      });
      expect(trace.progress).toContain("[1/5 overlay] 6 of 6");
      expect(state.wrong).toEqual([]);
    });

    test("a broken link fails it, and exactly that pair is named, in both directions", async () => {
      await nodes.cut(overlay.node("node2"), overlay.node("node3"));
      const trace = newTrace();
      await expect(verified({ trace })).rejects.toThrow(
        /2 facts are not as it must be:\n +node2 → node3: no answer from 172\.24\.4\.13 .*\n +node3 → node2: no answer from 172\.24\.4\.12 /,
      );
      expect((trace.saved as VerifyState).matrix.filter(({ reached }) => reached)).toHaveLength(4);
      await nodes.mend(overlay.node("node2"), overlay.node("node3"));
      expect((await verified()).wrong).toEqual([]);
    });

    test("trap openstack#22: a link that carries small packets only is told by its MTU", async () => {
      const to = overlay.underlay("node3");
      await overlay.sh("node2", `ip route add ${to}/32 dev eth0 mtu lock 1400`);
      await expect(verified()).rejects.toThrow(
        /one fact is not as it must be:\n +node2 → node3: full-size packet lost \(MTU 1450\)/,
      );
      await overlay.sh("node2", `ip route del ${to}/32; ip route flush cache`);
      expect((await verified()).wrong).toEqual([]);
    });

    test("a node that nobody can log in to: its pairs are told with why, the others are measured", async () => {
      const { node2, node3 } = { node2: overlay.node("node2").on, node3: overlay.node("node3").on };
      const error = await verified({ peers: { node2, node3: { ...node3, sshPort: 1 } } }).catch(
        (failure: Error) => failure.message,
      );
      expect(String(error).match(/node3 → node[12]: no answer from \S+ \(.*refused/g)).toHaveLength(2);
      expect(error).not.toMatch(/node[12] → /);
    });
  },
);
