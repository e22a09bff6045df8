import { describe, expect, it } from "vitest";
import { progressOf, strangersOf } from "../../../../kickstart/server/progress";
import type { BootEvent } from "../../../../kickstart/server/types";

let minute = 0;
const event = (stage: BootEvent["stage"], more: Partial<BootEvent> = {}): BootEvent => ({
  at: `2026-11-21T10:${String(minute++ % 60).padStart(2, "0")}:00.000Z`,
  stage,
  machine: "w1",
  build: "b1",
  mac: "08:00:27:aa:bb:01",
  address: "192.0.2.11",
  ...more,
});
const stageOf = (...events: BootEvent[]) => progressOf(events)[0]?.stage;

describe("where machines are", () => {
  it("goes by the furthest stage; what is told twice or late changes nothing", () => {
    expect(stageOf(event("pxe"), event("config"), event("pre"), event("pxe"), event("config"))).toBe("pre");
    expect(stageOf(event("booted"), event("installed"), event("booted"))).toBe("booted");
  });

  it("fails after any stage, and goes on when the machine begins again", () => {
    expect(stageOf(event("booted"), event("failed"))).toBe("failed");
    expect(stageOf(event("failed"), event("pxe"))).toBe("pxe");
    const [failed] = progressOf([event("pre"), event("failed", { detail: "no disk" })]);
    expect(failed).toMatchObject({ stage: "failed", detail: "no disk" });
    const [again] = progressOf([event("failed", { detail: "no disk" }), event("installed")]);
    expect(again?.detail).toBeUndefined();
  });

  it("trap kickstart-pxe#23: what the installer tells is installed, and never booted", () => {
    expect(stageOf(event("installed", { hostName: "installer" }))).toBe("installed");
  });

  it("begins anew with each build, and keeps what was told in it", () => {
    const [w1] = progressOf([
      event("booted", { sshHostKey: "ssh-ed25519 OLD" }),
      event("pxe", { build: "b2" }),
      event("pre", { build: "b2", hostName: "w1", address: "192.0.2.12" }),
      event("installed", { build: "b2" }),
    ]);
    expect(w1).toMatchObject({ build: "b2", stage: "installed", hostName: "w1", address: "192.0.2.11" });
    expect(w1?.sshHostKey).toBeUndefined();
  });

  it("trap kickstart-pxe#47: machines behind NAT have one address, and are told apart by their names and MACs", () => {
    const nat = { address: "127.0.0.1" };
    const found = progressOf([
      event("booted", { ...nat, machine: "w2", mac: "08:00:27:aa:bb:02", build: "b2" }),
      event("booted", nat),
    ]);
    expect(found.map(({ machine, mac }) => [machine, mac])).toEqual([
      ["w1", "08:00:27:aa:bb:01"],
      ["w2", "08:00:27:aa:bb:02"],
    ]);
  });
});

describe("strangers", () => {
  it("trap kickstart-pxe#27: are seen, by the MAC that they claim, else by their address", () => {
    const stranger = (more: Partial<BootEvent>): BootEvent => {
      const { machine: _, build: __, mac: ___, ...rest } = event("refused");
      return { ...rest, ...more };
    };
    const events = [
      stranger({ mac: "de:ad:be:ef:00:01", address: "192.0.2.99", detail: "first" }),
      stranger({ mac: "de:ad:be:ef:00:01", address: "192.0.2.98", detail: "then" }),
      stranger({ address: "192.0.2.97", detail: "no MAC" }),
    ];
    expect(strangersOf(events)).toMatchObject([
      { address: "192.0.2.97", times: 1, wanted: "no MAC" },
      { mac: "de:ad:be:ef:00:01", address: "192.0.2.98", times: 2, wanted: "then" },
    ]);
    expect(progressOf(events)).toEqual([]);
  });

  it("are not machines of ours that ask at the wrong time", () => {
    expect(strangersOf([event("refused"), event("booted")])).toEqual([]);
  });
});
