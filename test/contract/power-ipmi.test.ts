import { createSocket, type Socket } from "node:dgram";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { powerFor } from "../../providers/power/power-for";
import { available as libvirtAvailable } from "../systems/libvirt/start";
import { freeUdpPort } from "../systems/loopback";
import { startIpmiSim } from "../systems/power/ipmi-sim";
import { available, type IpmiBmc, startIpmiBmc } from "../systems/power/start";
import { bmcSystem, type RackedBmc, startRackedBmc } from "./power.bmc";
import { contextOf, type PowerSystem, powerContract, QUICK } from "./power.suite";

const reason = available() ?? libvirtAvailable();
const PASSWORD = "LABPLAN_TEST_IPMI_PASSWORD";
const WRONG = "LABPLAN_TEST_IPMI_WRONG";
const LOST = 4;
const LONG = "LABPLAN_TEST_IPMI_LONG";

const configOf = ({ host, port, user }: IpmiBmc, more: object = {}) => ({
  kind: "ipmi" as const,
  host,
  port,
  user,
  password: { env: PASSWORD },
  ...more,
});

const startRacked = () =>
  startRackedBmc(["hw1"], (uri) => startIpmiBmc(uri, "hw1"), { password: PASSWORD, wrong: WRONG });

async function start(): Promise<PowerSystem> {
  const racked = await startRacked();
  process.env[LONG] = "a".repeat(21);
  const config = configOf(racked.bmc);
  return bmcSystem(racked, config, {
    "wrong password": {
      config: { ...config, password: { env: WRONG } },
      reason: "login",
      says: /BMC 127\.0\.0\.1:\d+ does not take this password/,
    },
    "a password that is too long": {
      config: { ...config, password: { env: LONG } },
      reason: "refused",
      says: /longer than the 20 bytes that IPMI 2\.0 can have/,
    },
    "another cipher suite": {
      config: { ...config, cipherSuite: 17 },
      reason: "refused",
      says: /does not have this cipher suite\. Write another/,
    },
    "no such name": {
      config: { ...config, host: "bmc.invalid" },
      reason: "name",
      says: /BMC bmc\.invalid:\d+ has no address that can be found/,
    },
    "nobody there": {
      config: { ...config, port: 1 },
      reason: "unreachable",
      says: /did not tell its state within 2 s|does not answer/,
    },
  });
}

/** Files are its machine: an order for one start is for one start alone. */
async function startSim(): Promise<PowerSystem> {
  const bmc = await startIpmiSim();
  process.env[PASSWORD] = bmc.password;
  process.env[WRONG] = "an-other-password";
  const config = configOf(bmc, { cipherSuite: 3 });
  return {
    config,
    password: bmc.password,
    really: async () => (bmc.machine("power") === "1" ? "on" : "off"),
    force: async (state) => bmc.press(state === "on"),
    started: async () => bmc.machine("starts"),
    nextBoot: async () => (bmc.machine("boot") === "pxe" ? "network" : "disk"),
    resetBoot: async () => bmc.press(false),
    cycledFrom: async () => (bmc.machine("from") === "pxe" ? "network" : "disk"),
    networkOnce: true,
    broken: {
      "wrong password": {
        config: { ...config, password: { env: WRONG } },
        reason: "login",
        says: /BMC 127\.0\.0\.1:\d+ does not take this password/,
      },
      "wrong user": {
        config: { ...config, user: "nobody" },
        reason: "login",
        says: /BMC 127\.0\.0\.1:\d+ does not take this user/,
      },
    },
    stop: bmc.stop,
  };
}

if (reason && !process.env.CI) {
  describe("power by IPMI", () => {
    it.skip(`not run: ${reason}`, () => {});
  });
} else {
  powerContract("IPMI, virtualbmc before libvirt", start);
  powerContract("IPMI, OpenIPMI's simulator", startSim);

  describe("users of an IPMI BMC", () => {
    it("an operator can switch, and one who may only look can look", async () => {
      const bmc = await startIpmiSim();
      try {
        const as = ({ user, password }: { user: string; password: string }) => {
          process.env[PASSWORD] = password;
          return powerFor(configOf({ ...bmc, user }, { cipherSuite: 3 }), contextOf(), QUICK);
        };
        await as(bmc.operator).on();
        expect(bmc.machine("power")).toBe("1");
        const onlooker = as(bmc.onlooker);
        expect(await onlooker.status()).toBe("on");
      } finally {
        await bmc.stop();
      }
    });
  });

  describe("an IPMI BMC's answers", () => {
    let racked: RackedBmc<IpmiBmc>;
    let bmc: IpmiBmc;
    beforeAll(async () => {
      racked = await startRacked();
      bmc = racked.bmc;
    });
    afterAll(() => racked?.stop());

    it("a user that it does not know is told from a BMC that is away", async () => {
      const power = powerFor(configOf(bmc, { user: "nobody" }), contextOf(), QUICK);
      await expect(power.status()).rejects.toThrow(
        /fell silent in the middle of the login\. Either it does not know this user/,
      );
    });

    it("a BMC that is away at first is asked again", async () => {
      // As many packets are lost as one ipmitool sends before it gives up.
      const relay = createSocket("udp4");
      const ways = new Map<number, Socket>();
      let count = 0;
      relay.on("message", (packet, from) => {
        let way = ways.get(from.port);
        if (!way) {
          way = createSocket("udp4");
          way.on("message", (answer) => relay.send(answer, from.port, from.address));
          ways.set(from.port, way);
        }
        if (++count > LOST) way.send(packet, bmc.port, bmc.host);
      });
      const port = await freeUdpPort();
      await new Promise<void>((resolve) => relay.bind(port, "127.0.0.1", resolve));
      const power = powerFor(configOf(bmc, { port }), contextOf(), { ...QUICK, statusS: 55 });
      expect(await power.status()).toBe("off");
      expect(count).toBeGreaterThan(LOST);
      relay.close();
      for (const way of ways.values()) way.close();
    });

    it("a machine that cannot start is told by name, with what its BMC says", async () => {
      const { rack, hardware } = racked;
      await hardware[0].force("off");
      await rack.daemon.nsenter(["rm", "/var/lib/libvirt/images/hw1.img"]);
      const power = powerFor(configOf(bmc), contextOf(), { ...QUICK, switchS: 2 });
      await expect(power.on()).rejects.toThrow(
        /pod1-node1: BMC 127\.0\.0\.1:\d+ is busy\. \("ipmitool chassis power on"\)/,
      );
    });
  });
}
