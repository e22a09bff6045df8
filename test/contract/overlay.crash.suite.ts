import { describe, expect, it } from "vitest";
import type { EndpointInputs, EndpointState } from "../../providers/overlay/types";
import type { Nodes } from "../systems/nodes/start";
import { Killed } from "./libvirt-handlers.run";
import { newTrace, Overlay, type Shape } from "./overlay.lab";

const STEPS = ["1/5 log in", "2/5 underlay", "3/5 script", "4/5 devices", "5/5 unit"];
const REMOVAL = ["1/3 unit", "2/3 devices", "3/3 script"];

export function crashSuite(nodes: () => Nodes): void {
  describe("killed at any step, and run again", () => {
    for (const [title, shape] of [["a mesh", {}]] satisfies [string, Shape][])
      it(`${title}: made, the end is that of a clean run; half made, all of it is removed`, async () => {
        const overlay = new Overlay(nodes(), shape);
        const before = await overlay.snapshot("node1");
        const clean = newTrace();
        const state = await overlay.up("node1", {}, { trace: clean });
        expect(clean.steps).toEqual(STEPS);
        const there = await overlay.snapshot("node1");
        await overlay.remove("node1");
        expect(await overlay.snapshot("node1")).toBe(before);
        for (const dieAt of STEPS) {
          await expect(overlay.up("node1", {}, { dieAt })).rejects.toThrow(Killed);
          expect(await overlay.up("node1"), dieAt).toEqual(state);
          expect(await overlay.snapshot("node1"), dieAt).toBe(there);
          await overlay.remove("node1");
          await expect(overlay.up("node1", {}, { dieAt })).rejects.toThrow(Killed);
          await overlay.remove("node1");
          expect(await overlay.snapshot("node1"), dieAt).toBe(before);
        }
      });

    it("edited: carried out, or set right when it is withdrawn", async () => {
      const overlay = new Overlay(nodes());
      const edit: Partial<EndpointInputs> = { vni: 77, address: "172.24.5.5/23", mtu: 1280 };
      await overlay.up("node1");
      const old = await overlay.snapshot("node1");
      await overlay.up("node1", edit);
      const edited = await overlay.snapshot("node1");
      for (const dieAt of STEPS) {
        await overlay.up("node1");
        await expect(overlay.up("node1", edit, { dieAt })).rejects.toThrow(Killed);
        await overlay.up("node1");
        expect(await overlay.snapshot("node1"), dieAt).toBe(old);
        await expect(overlay.up("node1", edit, { dieAt })).rejects.toThrow(Killed);
        await overlay.up("node1", edit);
        expect(await overlay.snapshot("node1"), dieAt).toBe(edited);
      }
      await overlay.remove("node1", edit);
    });

    it("in the middle of the script: devices that have no mark yet are known for ours", async () => {
      const overlay = new Overlay(nodes());
      const before = await overlay.snapshot("node1");
      await overlay.up("node1");
      const there = await overlay.snapshot("node1");
      const half = [
        "ip link add name br-infra type bridge",
        "ip link add name lpvx4011 type vxlan id 4011 dstport 4789 local 10.99.0.11",
      ];
      for (const more of [half.slice(0, 1), half]) {
        await overlay.remove("node1");
        await expect(overlay.up("node1", {}, { dieAt: "4/5 devices" })).rejects.toThrow(Killed);
        await overlay.sh("node1", more.join("; "));
        const state = await overlay.look(overlay.inputs("node1"));
        expect(state?.active).toBe(false);
        await overlay.up("node1");
        expect(await overlay.snapshot("node1")).toBe(there);
        await overlay.remove("node1");
        await expect(overlay.up("node1", {}, { dieAt: "4/5 devices" })).rejects.toThrow(Killed);
        await overlay.sh("node1", more.join("; "));
        await overlay.remove("node1");
        expect(await overlay.snapshot("node1")).toBe(before);
        await overlay.up("node1");
      }
      await overlay.remove("node1");
    });

    it("removed, from wherever it stopped, and once more", async () => {
      const overlay = new Overlay(nodes());
      const before = await overlay.snapshot("node1");
      for (const dieAt of REMOVAL) {
        const state: EndpointState = await overlay.up("node1");
        const trace = newTrace();
        await expect(overlay.remove("node1", {}, { dieAt })).rejects.toThrow(Killed);
        await overlay.remove("node1", {}, { trace });
        expect(trace.steps).toEqual(REMOVAL);
        expect(await overlay.snapshot("node1"), dieAt).toBe(before);
        await overlay.remove("node1");
        expect(await overlay.look(state)).toBeUndefined();
      }
    });
  });
}
