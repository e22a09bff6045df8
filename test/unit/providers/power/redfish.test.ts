import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, describe, expect, it } from "vitest";
import type { Power, PowerContext } from "../../../../providers/power/power";
import { powerFor } from "../../../../providers/power/power-for";
import { type Bmc, configOf, contextOf, FAST, startBmc, type Ways } from "./bmc";

const open: { bmc: Bmc; power: Power }[] = [];
afterEach(async () => {
  for (const { bmc, power } of open.splice(0)) {
    await power.close();
    await bmc.close();
  }
});

async function start(
  ways: Partial<Ways> = {},
  more: Partial<PowerContext> = {},
  patience = FAST,
): Promise<{ bmc: Bmc; power: Power; lines: string[] }> {
  const bmc = await startBmc(ways);
  const context = contextOf(more);
  const power = powerFor(configOf(bmc.url), context, patience);
  open.push({ bmc, power });
  return { bmc, power, lines: context.lines };
}

/** Something that is so for the first `times` askings. */
const first = <T>(times: number, value: T): (() => T | undefined) => {
  let left = times;
  return () => (left-- > 0 ? value : undefined);
};

describe("a Redfish BMC that is slow or in trouble", () => {
  it("is asked again after a 503 and a broken connection, and the order is given once", async () => {
    const { bmc, power } = await start();
    const trouble = first(3, { status: 503, text: "" });
    bmc.before = trouble;
    await power.on();
    expect(bmc.orders).toEqual(["POST On"]);
  });

  it("that is on its way to a state is waited for", async () => {
    const { bmc, power, lines } = await start({ state: "On" });
    bmc.reset = (type) => {
      bmc.state = type === "ForceOff" ? "PoweringOff" : "PoweringOn";
      setTimeout(() => {
        bmc.state = type === "ForceOff" ? "Off" : "On";
      }, 30);
      return 202;
    };
    await power.off();
    expect(bmc.state).toBe("Off");
    await power.cycle();
    expect(bmc.state).toBe("On");
    expect(lines.join("\n")).toContain("switching off: BMC 127.0.0.1");
  });

  it("that drops an order, because it is still busy with the one before, gets it again", async () => {
    const { bmc, power } = await start();
    let dropped = 0;
    bmc.reset = (type) => {
      if (dropped++ > 0) bmc.state = type;
      return 204;
    };
    await power.on();
    expect(bmc.orders).toEqual(["POST On", "POST On"]);
  });

  it('that still says "on" after the order to switch off is an error that says so', async () => {
    const { bmc, power } = await start({ state: "On", reset: () => 204 }, {}, { ...FAST, switchS: 0.3 });
    await expect(power.off()).rejects.toThrow(
      /^n1: BMC 127\.0\.0\.1:\d+ took the order to switch off and still says "on" after 0\.3 s\. Look at the BMC's own page/,
    );
    await expect(power.cycle()).rejects.toMatchObject({ reason: "stuck" });
    expect(bmc.orders).not.toContain("POST On");
  });

  it("that refuses because it is so already is believed once it shows it", async () => {
    const { bmc, power } = await start();
    bmc.reset = () => {
      bmc.state = "On";
      return 400;
    };
    await power.on();
    expect(bmc.orders).toEqual(["POST On"]);
  });

  it("that refuses outright ends it at once, in its own words without our password", async () => {
    const { bmc, power } = await start({ reset: () => 400 });
    const error = await power.on().catch((error: Error) => error);
    expect(`${error}`).toMatch(
      /n1: BMC 127\.0\.0\.1:\d+ refused: no On for … \(POST \/redfish\/v1\/Systems\/1\/Actions\/ComputerSystem\.Reset: 400\)/,
    );
    expect(bmc.orders).toHaveLength(1);
  });

  it("that never answers well is given up with what it said last", async () => {
    const { power } = await start(
      { before: () => ({ status: 500, text: "<html>" }) },
      {},
      { ...FAST, statusS: 0.1 },
    );
    await expect(power.status()).rejects.toThrow(/n1: BMC .* failed \(GET \/redfish\/v1\/: 500\)/);
  });

  it("that is no BMC is told so, and not asked again", async () => {
    const { bmc, power } = await start({ before: () => ({ status: 200, text: "<html>" }) });
    await expect(power.status()).rejects.toThrow(/what answers at \/redfish\/v1\/ is no Redfish service/);
    expect(bmc.requests).toBe(1);
  });

  it("refuses our login once: no second try could lock the user out", async () => {
    const { bmc, power } = await start({ before: () => ({ status: 401, text: "" }) });
    await expect(power.on()).rejects.toMatchObject({ reason: "login" });
    expect(bmc.requests).toBe(1);
  });

  it("sends us to another server: our login does not go there", async () => {
    const other = await start();
    const { power } = await start({
      before: () => ({ status: 307, text: "", headers: { location: `${other.bmc.url}/redfish/v1/` } }),
    });
    await expect(power.status()).rejects.toThrow(/refused.*307/);
    expect(other.bmc.requests).toBe(0);
  });
});

describe("what a Redfish BMC allows", () => {
  it("is read from the action, from its ActionInfo, or taken for all when it says nothing", async () => {
    for (const resetsIn of ["action", "info", "none"] as const) {
      const { bmc, power } = await start({ resetsIn, state: "On" });
      await power.cycle();
      expect(bmc.orders).toEqual(["POST ForceOff", "POST On"]);
    }
  });

  it("is used: ForceOn where there is no On, wherever that is said", async () => {
    for (const resetsIn of ["action", "info"] as const) {
      const { bmc, power } = await start({ resets: ["ForceOn", "ForceOff"], resetsIn });
      bmc.reset = () => {
        bmc.state = "On";
        return 204;
      };
      await power.on();
      expect(bmc.orders).toEqual(["POST ForceOn"]);
    }
  });

  it("without any way off, a cycle is one PowerCycle, and off is refused with a way out", async () => {
    const { bmc, power } = await start({ resets: ["On", "PowerCycle", "GracefulShutdown"], state: "On" });
    await power.cycle();
    expect(bmc.orders).toEqual(["POST PowerCycle"]);
    bmc.state = "Off";
    await power.cycle();
    expect(bmc.orders).toEqual(["POST PowerCycle", "POST On"]);
    await expect(power.off()).rejects.toThrow(
      /cannot switch the machine off without asking its system: it allows On, PowerCycle/,
    );
  });
});

describe("a boot from the network, ordered of a Redfish BMC", () => {
  const BOOT = {
    BootSourceOverrideEnabled: "Disabled",
    BootSourceOverrideTarget: "None",
    BootSourceOverrideMode: "UEFI",
    "BootSourceOverrideTarget@Redfish.AllowableValues": ["None", "Pxe", "Hdd"],
  };
  const ORDER = '{"BootSourceOverrideTarget":"Pxe","BootSourceOverrideEnabled":"Once"';

  it("is for one boot, and says nothing of the mode where the BMC keeps it", async () => {
    const { bmc, power, lines } = await start({ boot: BOOT });
    await power.bootOnce("network");
    expect(bmc.orders).toEqual([`PATCH ${ORDER}}`]);
    expect(lines).toEqual([]);
  });

  it("says the mode where the BMC resets it otherwise", async () => {
    const { bmc, power } = await start({
      boot: BOOT,
      keep: (boot, order) => ({ ...boot, BootSourceOverrideMode: "Legacy", ...order }),
    });
    await power.bootOnce("network");
    expect(bmc.boot.BootSourceOverrideMode).toBe("UEFI");
    expect(bmc.orders).toEqual([`PATCH ${ORDER}}`, `PATCH ${ORDER},"BootSourceOverrideMode":"UEFI"}`]);
  });

  it("says the mode where the BMC demands it", async () => {
    const { bmc, power } = await start({
      boot: BOOT,
      keep: (boot, order) =>
        order.BootSourceOverrideMode ? { ...boot, ...order } : { status: 400, message: "mode is missing" },
    });
    await power.bootOnce("network");
    expect(bmc.boot).toMatchObject({ BootSourceOverrideTarget: "Pxe", BootSourceOverrideMode: "UEFI" });
  });

  it("says the mode that the machine's firmware is known to have", async () => {
    const { bmc, power } = await start({ boot: BOOT }, { firmware: "bios" });
    await power.bootOnce("network");
    expect(bmc.orders).toEqual([`PATCH ${ORDER},"BootSourceOverrideMode":"Legacy"}`]);
  });

  it("takes the ETag along, and every form of it that a BMC may want", async () => {
    for (const [etag, wants] of [
      ['"1"', '"1"'],
      ['W/"1"', '"1"'],
      ['"1"', undefined],
    ] as const) {
      const { bmc, power } = await start({ boot: BOOT, etag, takes: (ifMatch) => ifMatch === wants });
      await power.bootOnce("network");
      expect(bmc.boot.BootSourceOverrideTarget).toBe("Pxe");
    }
  });

  it("is read anew when somebody else changed it meanwhile", async () => {
    for (const [mine, theirs] of [
      ['"1"', '"2"'],
      ['W/"1"', 'W/"2"'],
    ] as const) {
      const { bmc, power } = await start({ boot: BOOT, etag: mine });
      const shown: (string | undefined)[] = [];
      bmc.takes = (ifMatch) => {
        bmc.etag = theirs;
        shown.push(ifMatch);
        return ifMatch === theirs;
      };
      await power.bootOnce("network");
      expect(shown).toEqual([mine, theirs]);
      expect(bmc.orders).toHaveLength(1);
    }
  });

  it("that is taken and not kept is an error that says so", async () => {
    const { power } = await start({ boot: BOOT, keep: (boot) => boot }, {}, { ...FAST, bootS: 0.1 });
    await expect(power.bootOnce("network")).rejects.toThrow(
      /n1: BMC .* took the order to boot from the network and shows "None" \(Disabled\) all the same/,
    );
  });

  it("that is kept for every boot is told, and taken back by an order for the disk", async () => {
    const { bmc, power, lines } = await start({
      boot: BOOT,
      keep: (boot, order) => ({ ...boot, ...order, BootSourceOverrideEnabled: "Continuous" }),
    });
    await power.bootOnce("network");
    expect(lines.join()).toMatch(/keeps the network first for every boot/);
    await power.bootOnce("disk");
    expect(bmc.boot.BootSourceOverrideTarget).toBe("Hdd");
  });

  it("that the BMC does not offer is refused with a way out", async () => {
    const { power } = await start({
      boot: { ...BOOT, "BootSourceOverrideTarget@Redfish.AllowableValues": ["None", "Cd"] },
    });
    await expect(power.bootOnce("network")).rejects.toThrow(
      /cannot order a boot from the network: it has None, Cd, not Pxe\. Put the network first/,
    );
  });
});

describe("which system of a Redfish BMC", () => {
  it("the only one, unless its cards, on all pages, are of another machine", async () => {
    const cards = ["AA-BB-CC-00-00-01", "AA:BB:CC:00:00:02"];
    const { power } = await start({ cards }, { mac: "aa:bb:cc:00:00:02" });
    expect(await power.status()).toBe("off");
    const dashes = await start({ cards }, { mac: "AA:BB:CC:00:00:01" });
    expect(await dashes.power.status()).toBe("off");
    const other = await start({ cards }, { mac: "aa:bb:cc:00:00:03" });
    await expect(other.power.off()).rejects.toThrow(
      /is the BMC of another machine: its cards are aa:bb:cc:00:00:01/,
    );
    expect(other.bmc.orders).toEqual([]);
  });
});

describe("the address of a Redfish BMC", () => {
  it("over http is refused off loopback, before any packet", () => {
    expect(() => powerFor(configOf("http://bmc.example"), contextOf())).toThrow(
      /n1: http:\/\/ would send the password of its BMC in clear\. Write https:/,
    );
    expect(() => powerFor(configOf("http://127.0.0.1.example.org"), contextOf())).toThrow(/in clear/);
  });

  it("with a login in it, or none at all, is refused without showing it", () => {
    const told = (url: string): string => {
      try {
        powerFor(configOf(url), contextOf());
      } catch (error) {
        return (error as Error).message;
      }
      return "taken";
    };
    expect(told("https://root:calvin@bmc.example")).toMatch(/holds a login/);
    expect(told("https://root:calvin@bmc.example")).not.toMatch(/calvin/);
    expect(told("bmc.example")).toMatch(/no address of a BMC\. Write url: https:/);
  });

  it("needs a CA file that can be read and a fingerprint that is one, told when it is used", async () => {
    const folder = mkdtempSync(join(tmpdir(), "labplan-ca-"));
    try {
      const missing = powerFor(
        configOf("https://127.0.0.1:1", { ca: join(folder, "ca.pem") }),
        contextOf(),
        FAST,
      );
      await expect(missing.status()).rejects.toThrow(/CA file .*ca\.pem cannot be read \(ENOENT\)/);
      const odd = powerFor(configOf("https://127.0.0.1:1", { fingerprint: "aa:bb" }), contextOf(), FAST);
      await expect(odd.status()).rejects.toThrow(/fingerprint is no SHA-256\. Write its 64 hex digits/);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  it("is only looked at in a preview", async () => {
    const { bmc, power } = await start({}, { dryRun: true });
    expect(await power.status()).toBe("off");
    for (const order of [power.on, power.off, power.cycle])
      await expect(order()).rejects.toThrow("n1: a preview switches nothing");
    await expect(power.bootOnce("network")).rejects.toThrow("preview");
    expect(bmc.orders).toEqual([]);
  });

  it("reads no secret and sends nothing before the first call", async () => {
    const { bmc } = await start(
      {},
      {
        secret: () => {
          throw new Error("read");
        },
      },
    );
    expect(bmc.requests).toBe(0);
  });
});
