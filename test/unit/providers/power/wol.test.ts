import { createSocket, type Socket } from "node:dgram";
import { afterEach, describe, expect, it } from "vitest";
import { powerFor } from "../../../../providers/power/power-for";
import { magicPacket } from "../../../../providers/power/wol";
import { contextOf, FAST, withSystem } from "./bmc";

const MAC = "52:54:00:aa:0b:01";
const sockets: Socket[] = [];
afterEach(() => {
  for (const socket of sockets.splice(0)) socket.close();
});

/** A port on loopback, and the packets that came to it. */
async function listen(): Promise<{ port: number; packets: Buffer[] }> {
  const socket = createSocket("udp4");
  const packets: Buffer[] = [];
  socket.on("message", (packet) => packets.push(packet));
  await new Promise<void>((resolve) => socket.bind(0, "127.0.0.1", resolve));
  sockets.push(socket);
  return { port: socket.address().port, packets };
}

const pause = () => new Promise((resolve) => setTimeout(resolve, 50));

/** Wait for them, however busy this machine is; and a moment longer, for those that should not come. */
async function arrive(packets: Buffer[], count: number): Promise<void> {
  for (let tries = 0; packets.length < count && tries < 60; tries++) await pause();
  await pause();
}

describe("wake-on-LAN", () => {
  it("sends six FF and sixteen times the MAC, three times", async () => {
    const { port, packets } = await listen();
    const power = powerFor({ kind: "wol", broadcast: "127.0.0.1", port }, contextOf({ mac: MAC }), FAST);
    await power.on();
    await arrive(packets, 3);
    const wanted = Buffer.from("ff".repeat(6) + MAC.replaceAll(":", "").repeat(16), "hex");
    expect(packets).toEqual([wanted, wanted, wanted]);
    expect(magicPacket("52-54-00-AA-0B-01")).toEqual(wanted);
  });

  it("wakes the card that its own config names", async () => {
    const { port, packets } = await listen();
    const config = { kind: "wol", mac: "00:00:00:00:00:02", broadcast: "127.0.0.1", port } as const;
    await powerFor(config, contextOf({ mac: MAC }), FAST).on();
    await arrive(packets, 3);
    expect(packets[0]?.toString("hex")).toBe(`${"ff".repeat(6)}${"000000000002".repeat(16)}`);
  });

  it("needs a MAC, and says where to write it", () => {
    expect(() => powerFor({ kind: "wol" }, contextOf(), FAST)).toThrow(/^n1: wake-on-LAN needs the MAC/);
    expect(() => powerFor({ kind: "wol", mac: "52:54" }, contextOf(), FAST)).toThrow(/needs the MAC/);
  });

  it("cannot switch off and says what can; cycles what is off, and refuses what is seen to be on", async () => {
    const { port, packets } = await listen();
    const config = { kind: "wol", broadcast: "127.0.0.1", port } as const;
    const power = powerFor(config, contextOf({ mac: MAC }), FAST);
    expect(power.can).toEqual({ status: false, off: false, networkOnce: false });
    await expect(power.off()).rejects.toThrow(
      /n1: wake-on-LAN can only switch on\. Switch it off by hand, or/,
    );
    expect(await power.status()).toBe("unknown");
    await power.cycle();
    await arrive(packets, 3);
    expect(packets).toHaveLength(3);
    await withSystem(async (ssh) => {
      const running = powerFor(config, contextOf({ mac: MAC, ssh }), FAST);
      expect(await running.status()).toBe("on");
      await expect(running.cycle()).rejects.toThrow(/n1 is on, and wake-on-LAN can only switch on/);
      await arrive(packets, 3);
      expect(packets).toHaveLength(3);
    });
  });

  it("says which address cannot be sent to, and stops with the run", async () => {
    for (const place of [{ broadcast: "lan.invalid" }, { broadcast: "127.0.0.1", port: 0 }]) {
      const power = powerFor({ kind: "wol", ...place }, contextOf({ mac: MAC }), FAST);
      await expect(power.on()).rejects.toThrow(
        /n1: no wake-on-LAN packet can be sent to (lan\.invalid|127\.0\.0\.1) \(E.*as "broadcast"/,
      );
    }
    const stopped = new AbortController();
    stopped.abort(new Error("stopped"));
    const config = { kind: "wol", broadcast: "127.0.0.1" } as const;
    const other = powerFor(config, contextOf({ mac: MAC, signal: stopped.signal }), FAST);
    await expect(other.on()).rejects.toThrow("stopped");
  });
});
