import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { BootDesk } from "../../../../kickstart/server/desk";
import { macIn } from "../../../../kickstart/server/neighbours";
import { Refusals } from "../../../../kickstart/server/refusals";
import { type BootLab, DASHES, MAC, startBootLab } from "./lab";

describe("neighbours on our link", () => {
  let lab: BootLab;
  beforeEach(async () => {
    lab = await startBootLab();
  });
  afterEach(() => lab.stop());

  it("are known by the kernel's table, where the entry is whole", () => {
    const table = [
      "IP address       HW type     Flags       HW address            Mask     Device",
      "192.0.2.11       0x1         0x2         08:00:27:AA:BB:01     *        br0",
      "192.0.2.12       0x1         0x0         00:00:00:00:00:00     *        br0",
      "192.0.2.1        0x1         0x2         08:00:27:aa:bb:99     *        br0",
    ].join("\n");
    expect(macIn(table, "192.0.2.11")).toBe(MAC);
    expect(macIn(table, "192.0.2.12")).toBeUndefined();
    expect(macIn(table, "192.0.2.1")).toBe("08:00:27:aa:bb:99");
    expect(macIn(table, "IP")).toBeUndefined();
  });

  it("get no other machine's boot script; whoever cannot be seen is believed, and a token proves more than a card", async () => {
    const { token } = lab.register();
    const { registry, log } = lab.server;
    const cards: Record<string, string> = { "192.0.2.11": MAC, "192.0.2.66": "de:ad:be:ef:00:01" };
    const desk = new BootDesk(registry, log, new Refusals(log, () => {}), () => {}, {
      neighbour: (address) => cards[address],
    });
    expect(desk.serving(DASHES, "192.0.2.11", "its boot script")?.mac).toBe(MAC);
    expect(desk.serving(DASHES, "198.51.100.7", "its boot script")?.mac).toBe(MAC);
    expect(desk.serving(DASHES, "192.0.2.66", "its boot script")).toBeUndefined();
    expect(desk.config(token, "ks.cfg", "192.0.2.66", false)).toBe(`# token ${token}\n`);
    await log.flush();
    expect(log.read()).toMatchObject([
      {
        stage: "refused",
        mac: "de:ad:be:ef:00:01",
        address: "192.0.2.66",
        detail: `asked for its boot script of another card, ${MAC}`,
      },
    ]);
  });
});
