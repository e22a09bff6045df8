import "tsx/cjs"; // the handlers load parts of theirs by require()
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { available, type Nodes, startNodes } from "../systems/nodes/start";
import { crashSuite } from "./overlay.crash.suite";
import { foreignSuite } from "./overlay.foreign.suite";
import { liveSuite } from "./overlay.live.suite";
import { pairsSuite } from "./overlay.pairs.suite";

const reason = available();

describe.skipIf(reason && !process.env.CI)(
  `the overlay on real nodes${reason ? ` (not run: ${reason})` : ""}`,
  () => {
    let nodes: Nodes;
    beforeAll(async () => {
      nodes = await startNodes(3);
    });
    afterAll(() => nodes?.stop());

    it("each node is a machine of its own", async () => {
      for (const node of nodes.nodes) {
        expect(await nodes.inside(node, "hostname")).toBe(`${node.name}\n`);
        expect(await nodes.inside(node, "ls", "/sys/class/net")).toBe("eth0\nlo\n");
      }
    });
    pairsSuite(() => nodes);
    liveSuite(() => nodes);
    foreignSuite(() => nodes);
    crashSuite(() => nodes);
  },
);
