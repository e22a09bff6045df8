import "tsx/cjs"; // the handlers load parts of theirs by require()
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { available, type Nodes, startNodes } from "../systems/nodes/start";
import { NAMES, Overlay, type Shape } from "./overlay.lab";

const reason = available();

describe.skipIf(reason && !process.env.CI)(
  `the overlay on real nodes${reason ? ` (not run: ${reason})` : ""}`,
  () => {
    let nodes: Nodes;
    beforeAll(async () => {
      nodes = await startNodes(3);
    }, 60_000);
    afterAll(() => nodes?.stop());

    for (const [title, shape] of [
      ["a mesh", {}],
      ["a star", { hub: "node2" }],
      ["trap openstack#26: a mesh over IPv6, whose packets are 70 bytes smaller", { over: "ipv6" }],
      ["a star over IPv6", { over: "ipv6", hub: "node1" }],
    ] satisfies [string, Shape][])
      it(title, async () => {
        const overlay = new Overlay(nodes, shape);
        const before = await Promise.all(NAMES.map((name) => overlay.snapshot(name)));
        const states = await overlay.upAll();
        for (const state of states) expect(await overlay.look(state)).toEqual(state);
        for (const pair of await overlay.measure())
          expect(pair).toMatchObject({ reached: true, fullSize: true });
        for (const pair of await overlay.measure(undefined, overlay.mtu + 1))
          expect(pair).toMatchObject({
            reached: true,
            fullSize: false,
            reason: `message too long, mtu=${overlay.mtu}`,
          });
        await overlay.removeAll();
        expect(await Promise.all(NAMES.map((name) => overlay.snapshot(name)))).toEqual(before);
        for (const state of states) expect(await overlay.look(state)).toBeUndefined();
      });
  },
);
