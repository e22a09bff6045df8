import { describe, expect, it } from "vitest";
import { powerFor } from "../../../../providers/power/power-for";
import { contextOf, FAST, withSystem } from "./bmc";

const pause = () => new Promise((resolve) => setTimeout(resolve, 50));

describe("a person at the power button", () => {
  it("is told what to do, and the restart is waited for where it can be seen", async () => {
    const said: string[] = [];
    const context = contextOf({ say: (line) => said.push(line) });
    let isDone = false;
    const cycled = await withSystem(async (ssh) => {
      const power = powerFor({ kind: "none" }, Object.assign(context, { ssh }), FAST);
      expect(power.can.networkOnce).toBe(false);
      expect(await power.status()).toBe("on");
      await power.bootOnce("network");
      const cycle = power.cycle().then(() => {
        isDone = true;
      });
      await pause();
      expect(context.lines.at(-1)).toMatch(
        /PLEASE restart n1 by its power button, to boot from the network; waiting, \d+ s left/,
      );
      expect(isDone).toBe(false);
      return [cycle];
    });
    await cycled[0];
    expect(said).toEqual(["PLEASE restart n1 by its power button, to boot from the network"]);
  });

  it("is told so where it cannot be seen whether it is done", async () => {
    const context = contextOf();
    await powerFor({ kind: "none" }, context, FAST).cycle();
    expect(context.lines).toEqual([
      "PLEASE restart n1 by its power button; whether it is done cannot be seen from here",
    ]);
  });

  it("who does not come is an error that says what was to be done", async () => {
    await withSystem(async (ssh) => {
      const power = powerFor({ kind: "none" }, contextOf({ ssh }), { ...FAST, handS: 0.1 });
      await expect(power.off()).rejects.toThrow(
        /n1: nobody did this within 0\.1 s: switch n1 off\. Its system still answers/,
      );
    });
  });

  it("is asked to switch on what cannot be seen, and the call ends: who follows the machine sees it come", async () => {
    const context = contextOf();
    const power = powerFor({ kind: "none" }, context, FAST);
    expect(await power.status()).toBe("unknown");
    await power.on();
    expect(context.lines).toEqual(["PLEASE switch n1 on"]);
  });
});
