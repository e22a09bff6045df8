import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import type { Patience } from "../../providers/power/patience";
import type { PlannedPower, Power, PowerContext } from "../../providers/power/power";
import { powerFor } from "../../providers/power/power-for";

/** What the contract is run on: a machine, its switch, and another way to see what really happened. */
export interface PowerSystem {
  config: PlannedPower;
  mac?: string;
  /** The password, for the check that nothing shows it. */
  password?: string;
  /** The state as somebody else sees it. */
  really(): Promise<"on" | "off">;
  /** Switch it behind the driver's back. */
  force(state: "on" | "off"): Promise<void>;
  /** Changes with every start. */
  started(): Promise<unknown>;
  /** What the next boot is from; where the driver cannot order it, what its order begins with. */
  nextBoot(): Promise<"network" | "disk">;
  /** Put the boot order back as it was at first, and say what that begins with. */
  resetBoot(): Promise<void>;
  /** What the last start was from, where that can be seen. */
  cycledFrom?(): Promise<"network" | "disk">;
  networkOnce: boolean;
  /** The same switch in ways that cannot work, and what must be said of each. */
  broken: Record<string, { config: PlannedPower; reason: string | RegExp; says: RegExp }>;
  stop(): Promise<void>;
}

/** Quick looks: these machines are on our own machine. */
export const QUICK: Partial<Patience> = { pollMs: 50, retryMs: 100, statusS: 15, switchS: 30, bootS: 30 };

export const contextOf = (more: Partial<PowerContext> & { lines?: string[] } = {}): PowerContext => {
  const { lines = [], ...rest } = more;
  return {
    name: "pod1-node1",
    signal: new AbortController().signal,
    secret: (ref) => {
      const value = "env" in ref ? process.env[ref.env] : undefined;
      if (value === undefined) throw new Error("no such secret");
      return value;
    },
    progress: (line) => lines.push(line),
    ...rest,
  };
};

export function powerContract(name: string, start: () => Promise<PowerSystem>): void {
  describe(`power by ${name}`, () => {
    let system: PowerSystem;
    let power: Power;
    const lines: string[] = [];
    const open = (config = system.config, more: Partial<PowerContext> = {}) =>
      powerFor(config, contextOf({ lines, ...(system.mac ? { mac: system.mac } : {}), ...more }), QUICK);

    beforeAll(async () => {
      system = await start();
      power = open();
    });
    afterAll(async () => {
      await power?.close();
      await system?.stop();
    });
    beforeEach(() => {
      lines.length = 0;
    });

    it("tells the state as it is, whoever changed it", async () => {
      await system.force("off");
      expect(await power.status()).toBe("off");
      await system.force("on");
      expect(await power.status()).toBe("on");
      expect(power.can).toEqual({ status: true, off: true, networkOnce: system.networkOnce });
    });

    it("switches on and off, and is done when it is so", async () => {
      await system.force("off");
      await power.on();
      expect(await system.really()).toBe("on");
      await power.off();
      expect(await system.really()).toBe("off");
    });

    it("leaves alone what is so already", async () => {
      await system.force("on");
      const before = await system.started();
      await power.on();
      expect(await system.started()).toEqual(before);
      await power.off();
      await power.off();
      expect(await system.really()).toBe("off");
    });

    it("cycles a machine that is on: it is another start", async () => {
      await system.force("on");
      const before = await system.started();
      await power.cycle();
      expect(await system.really()).toBe("on");
      expect(await system.started()).not.toEqual(before);
    });

    it("cycles a machine that is off: it is on afterwards", async () => {
      await system.force("off");
      await power.cycle();
      expect(await system.really()).toBe("on");
    });

    it("orders a boot from the network and then cycles: the new start is from the network", async () => {
      await system.resetBoot();
      await system.force("off");
      if (system.networkOnce) {
        expect(await system.nextBoot()).toBe("disk");
        await power.bootOnce("network");
        expect(await system.nextBoot()).toBe("network");
        await power.cycle();
        expect(await system.really()).toBe("on");
        if (system.cycledFrom) expect(await system.cycledFrom()).toBe("network");
        // While it runs, too.
        await power.bootOnce("disk");
        await power.bootOnce("network");
        await power.cycle();
        if (system.cycledFrom) expect(await system.cycledFrom()).toBe("network");
        await power.cycle();
        if (system.cycledFrom) expect(await system.cycledFrom()).toBe("disk");
        await power.off();
        await power.bootOnce("network");
        await power.bootOnce("disk");
        expect(await system.nextBoot()).toBe("disk");
      } else if ((await system.nextBoot()) === "network") {
        await power.bootOnce("network");
      } else {
        await expect(power.bootOnce("network")).rejects.toThrow(/pod1-node1.*boots from.*network first/);
      }
    });

    it("two that switch the same machine at once both end well", async () => {
      await system.force("off");
      const other = open();
      await Promise.all([power.on(), other.on()]);
      expect(await system.really()).toBe("on");
      await Promise.all([power.off(), other.off()]);
      expect(await system.really()).toBe("off");
      await other.close();
    });

    it("touches nothing in a preview, and still looks", async () => {
      await system.force("on");
      const preview = open(system.config, { dryRun: true });
      expect(await preview.status()).toBe("on");
      for (const order of [preview.on, preview.off, preview.cycle])
        await expect(order()).rejects.toThrow(/pod1-node1: a preview switches nothing/);
      await expect(preview.bootOnce("network")).rejects.toThrow(/preview/);
      expect(await system.really()).toBe("on");
      await preview.close();
    });

    it("ends at once when the run is stopped", async () => {
      const stopped = new AbortController();
      const one = open(system.config, { signal: stopped.signal });
      stopped.abort(new Error("the run was stopped"));
      const start = Date.now();
      await expect(one.cycle()).rejects.toThrow(/stopped/);
      expect(Date.now() - start).toBeLessThan(1_000);
      expect(await system.really()).toBe("on");
      await one.close();
    });

    it("says which machine, what switches it and what is wrong, and never the password", async () => {
      for (const [what, { config, reason, says }] of Object.entries(system.broken)) {
        const one = powerFor(config, contextOf({ lines, ...(system.mac ? { mac: system.mac } : {}) }), {
          ...QUICK,
          statusS: 2,
          bootS: 2,
          switchS: 2,
        });
        const error = (await one.status().then(
          () => new Error(`${what}: it worked`),
          (error: unknown) => error,
        )) as Error & { reason?: string };
        expect(error.message, what).toMatch(says);
        expect(error.message, what).toMatch(/pod1-node1/);
        if (reason !== "") expect(error.reason, what).toMatch(reason);
        if (system.password)
          expect(`${error.message}${error.stack}${error.cause}`).not.toContain(system.password);
        await one.close();
      }
      if (system.password) expect(lines.join("\n")).not.toContain(system.password);
    });
  });
}
