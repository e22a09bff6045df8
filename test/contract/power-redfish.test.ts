import { createServer, connect as dial } from "node:net";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { powerFor } from "../../providers/power/power-for";
import { available as libvirtAvailable } from "../systems/libvirt/start";
import { available, type RedfishBmc, startRedfishBmc } from "../systems/power/start";
import { bmcSystem, type RackedBmc, startRackedBmc } from "./power.bmc";
import { type Hardware, startRack } from "./power.domains";
import { contextOf, type PowerSystem, powerContract, QUICK } from "./power.suite";

const reason = available() ?? libvirtAvailable();
const PASSWORD = "LABPLAN_TEST_BMC_PASSWORD";
const WRONG = "LABPLAN_TEST_BMC_WRONG";
const password = { env: PASSWORD };

const configOf = (bmc: RedfishBmc, more: object = {}) => ({
  kind: "redfish" as const,
  url: bmc.url,
  user: bmc.user,
  password,
  ca: bmc.caFile,
  ...more,
});

const startRacked = () =>
  startRackedBmc(["hw1", "hw2"], startRedfishBmc, { password: PASSWORD, wrong: WRONG });

async function start(): Promise<PowerSystem> {
  const racked = await startRacked();
  const config = configOf(racked.bmc);
  return bmcSystem(racked, config, {
    "wrong password": {
      config: { ...config, password: { env: WRONG } },
      reason: "login",
      says: /BMC 127\.0\.0\.1:\d+ does not take this user and password/,
    },
    "no CA": {
      config: { ...config, ca: undefined } as unknown as typeof config,
      reason: "untrusted",
      says: /certificate is not trusted.*"ca".*"fingerprint"; nothing was sent/,
    },
    "another fingerprint": {
      config: { ...config, fingerprint: "00".repeat(32) },
      reason: "untrusted",
      says: /another certificate than the pinned one: SHA-256 (..:){31}../,
    },
    "no such system": {
      config: { ...config, system: "hw9" },
      reason: "missing",
      says: /has no system "hw9"\. It has [0-9a-f-]{36}, [0-9a-f-]{36}; write one/,
    },
    "nobody there": {
      config: { ...config, url: "https://127.0.0.1:1" },
      reason: "unreachable",
      says: /BMC 127\.0\.0\.1:1 is not reachable on port 1 \(ECONNREFUSED\)/,
    },
  });
}

if (reason && !process.env.CI) {
  describe("power by Redfish", () => {
    it.skip(`not run: ${reason}`, () => {});
  });
} else {
  powerContract("Redfish, sushy-tools before libvirt", start);

  describe("a Redfish BMC's certificate and systems", () => {
    let racked: RackedBmc<RedfishBmc>;
    let bmc: RedfishBmc;
    let [one, two]: Hardware[] = [];
    beforeAll(async () => {
      racked = await startRacked();
      bmc = racked.bmc;
      [one, two] = racked.hardware;
    });
    afterAll(() => racked?.stop());
    const statusOf = async (config: ReturnType<typeof configOf>, mac?: string): Promise<string> => {
      const power = powerFor(config, contextOf(mac === undefined ? {} : { mac }), { ...QUICK, statusS: 2 });
      try {
        return await power.status();
      } catch (error) {
        return (error as Error).message;
      } finally {
        await power.close();
      }
    };

    it("takes the pinned certificate in any spelling, whoever signed it", async () => {
      for (const fingerprint of [
        bmc.fingerprint,
        bmc.fingerprint.replaceAll(":", "").toLowerCase(),
        `SHA256:${bmc.fingerprint}`,
      ])
        expect(await statusOf(configOf(bmc, { ca: undefined, fingerprint, system: "hw1" }))).toBe("off");
    });

    it("checks certificates whatever the environment says", async () => {
      process.env.NODE_TLS_REJECT_UNAUTHORIZED = "0";
      try {
        expect(await statusOf(configOf(bmc, { ca: undefined }))).toMatch(/not trusted/);
      } finally {
        delete process.env.NODE_TLS_REJECT_UNAUTHORIZED;
      }
    });

    it("sends nothing before the other end is proven", async () => {
      // A relay: it sees every byte, and TLS' own end is the real BMC's.
      const bytes: number[] = [];
      const relay = createServer((client) => {
        const at = bytes.push(0) - 1;
        const upstream = dial(Number(new URL(bmc.url).port), "127.0.0.1");
        client.on("data", (chunk) => {
          bytes[at] = (bytes[at] ?? 0) + chunk.length;
        });
        client.pipe(upstream).pipe(client);
        upstream.on("close", () => client.destroy());
        for (const socket of [client, upstream]) socket.on("error", () => {});
      });
      await new Promise<void>((resolve) => relay.listen(0, "127.0.0.1", resolve));
      const url = `https://127.0.0.1:${(relay.address() as { port: number }).port}`;
      expect(await statusOf(configOf({ ...bmc, url }, { fingerprint: bmc.fingerprint, system: "hw1" }))).toBe(
        "off",
      );
      expect(await statusOf(configOf({ ...bmc, url }, { fingerprint: "ab".repeat(32) }))).toMatch(/pinned/);
      await new Promise((resolve) => relay.close(resolve));
      const [good, bad] = [bytes[0] ?? 0, bytes[bytes.length - 1] ?? 0];
      // A handshake without a request: nothing of the size of one went out after it.
      expect(good - bad).toBeGreaterThan(200);
    });

    it("finds a system by its MAC, by name, by UUID; says what there is when none is meant", async () => {
      await two?.force("on");
      expect(await statusOf(configOf(bmc), one?.mac)).toBe("off");
      expect(await statusOf(configOf(bmc), two?.mac.toUpperCase())).toBe("on");
      expect(await statusOf(configOf(bmc, { system: "hw2" }))).toBe("on");
      expect(await statusOf(configOf(bmc, { system: one?.uuid }))).toBe("off");
      expect(await statusOf(configOf(bmc))).toMatch(
        /has the systems .*, and nothing says which\. Write its id as "system"/,
      );
      expect(await statusOf(configOf(bmc), "52:54:00:00:00:99")).toMatch(
        /none has the MAC 52:54:00:00:00:99/,
      );
      await two?.force("off");
    });

    it("refuses the only system when its cards are another machine's", async () => {
      const lone = await startRack();
      try {
        const hardware = await lone.add("hw7");
        const itsBmc = await startRedfishBmc(lone.daemon.uri);
        process.env[PASSWORD] = itsBmc.password;
        try {
          expect(await statusOf(configOf(itsBmc))).toBe("off");
          expect(await statusOf(configOf(itsBmc), hardware.mac)).toBe("off");
          expect(await statusOf(configOf(itsBmc), "52:54:00:00:00:99")).toMatch(
            /is the BMC of another machine: its cards are 52:54:00:b0:0c:01, and none is 52:54:00:00:00:99\. If it is right all the same, write system: "/,
          );
          expect(await statusOf(configOf(itsBmc, { system: "hw7" }), "52:54:00:00:00:99")).toBe("off");
        } finally {
          process.env[PASSWORD] = bmc.password;
          await itsBmc.stop();
        }
      } finally {
        await lone.stop();
      }
    });

    it("waits for a BMC that is away for a while, within its deadline", async () => {
      const target = Number(new URL(bmc.url).port);
      const port = await new Promise<number>((resolve) => {
        const probe = createServer().listen(0, "127.0.0.1", () => {
          const { port } = probe.address() as { port: number };
          probe.close(() => resolve(port));
        });
      });
      const relay = createServer((client) => {
        const upstream = dial(target, "127.0.0.1");
        client.pipe(upstream).pipe(client);
        upstream.on("close", () => client.destroy());
        for (const socket of [client, upstream]) socket.on("error", () => {});
      });
      const power = powerFor(
        configOf({ ...bmc, url: `https://127.0.0.1:${port}` }, { system: "hw1" }),
        contextOf(),
        QUICK,
      );
      const answer = power.status();
      setTimeout(() => relay.listen(port, "127.0.0.1"), 700);
      expect(await answer).toBe("off");
      await power.close();
      await new Promise((resolve) => relay.close(resolve));
    });
  });
}
