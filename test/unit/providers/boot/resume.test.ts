import { describe, expect, it } from "vitest";
import type { BootEvent, InstallFiles, Registration, Stage } from "../../../../kickstart/server/types";
import type { Watched } from "../../../../providers/boot/progress";
import { type Traces, wayOn } from "../../../../providers/boot/resume";

const START = Date.parse("2026-11-21T10:00:00Z");
const at = (seconds: number): string => new Date(START + seconds * 1000).toISOString();
const install: InstallFiles = {
  installer: "kickstart",
  text: "# text",
  kernel: "/files/k",
  initrd: "/files/i",
  cmdline: "inst.ks=x",
};
const registration: Registration = {
  build: "b1",
  machine: "rocky9",
  mac: "52:54:00:00:00:01",
  purpose: "install",
  token: "0".repeat(32),
  begun: at(0),
  expires: at(5400),
  install,
};
const watched: Watched = {
  image: "rocky9",
  builder: "rocky9-builder",
  url: "http://10.20.0.1:8069",
  stages: ["pxe", "config", "pre", "installed"],
  begun: at(0),
  timeoutS: 5400,
};
const event = (stage: Stage, seconds: number): BootEvent => ({
  at: at(seconds),
  stage,
  address: "10.20.0.50",
});
const way = (more: Partial<Traces>, seconds = 100, timeoutS = 5400): string =>
  wayOn(
    { registration, wanted: install, events: [event("pxe", 20)], builder: "running", ...more },
    { ...watched, timeoutS },
    new Date(START + seconds * 1000),
  ).way;

describe("what a run does with what an earlier one left", () => {
  it("follows a build that is under way, and does not start it twice", () => {
    expect(way({})).toBe("follow");
  });

  it("begins where nothing is registered, or the MAC is another's", () => {
    expect(way({ registration: undefined })).toBe("anew");
    expect(way({ registration: { ...registration, machine: "alma9" } })).toBe("anew");
    expect(way({ registration: { ...registration, purpose: "record" } })).toBe("anew");
  });

  it.each([
    ["text", "# other"],
    ["cmdline", "inst.ks=y"],
    ["kernel", "/files/k2"],
    ["initrd", "/files/i2"],
  ] as const)("builds anew when its %s was edited in between", (field, value) => {
    expect(way({ wanted: { ...install, [field]: value } })).toBe("anew");
  });

  it("builds anew after a failure, and where the builder is off or gone without a word", () => {
    expect(way({ events: [event("pxe", 20), event("failed", 60)] })).toBe("anew");
    expect(way({ builder: "off" })).toBe("anew");
    expect(way({ builder: "gone" })).toBe("anew");
  });

  it("builds anew what got stuck, and what ran out of time unless it is given more", () => {
    expect(way({}, 20 + 900)).toBe("anew");
    const late = { events: [event("pxe", 20), event("config", 30), event("pre", 40)] };
    expect(way(late, 5400)).toBe("anew");
    expect(way(late, 5400, 9000)).toBe("follow");
  });

  it("only clears away what was installed before the run was killed", () => {
    const events = [event("pxe", 20), event("installed", 90)];
    expect(way({ events })).toBe("follow");
    expect(way({ events, builder: "off" })).toBe("finish");
    expect(way({ events, builder: "gone" })).toBe("finish");
    expect(way({ events, builder: "off" }, 9999)).toBe("finish");
  });
});
