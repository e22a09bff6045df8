import { describe, expect, it } from "vitest";
import { renderKickstart } from "../../../../kickstart/render";
import type { BootEvent, Stage } from "../../../../kickstart/server/types";
import { kickstartVariables } from "../../../../kickstart/variables";
import {
  judge,
  OFF_LIMIT_S,
  STAGE_LIMIT_S,
  stagesOf,
  tailOf,
  type Watched,
} from "../../../../providers/boot/progress";

const START = Date.parse("2026-11-21T10:00:00Z");
const at = (seconds: number): string => new Date(START + seconds * 1000).toISOString();
const now = (seconds: number): Date => new Date(START + seconds * 1000);

const watched: Watched = {
  image: "rocky9",
  builder: "rocky9-builder",
  url: "http://10.20.0.1:8069",
  stages: ["pxe", "config", "pre", "installed"],
  begun: at(0),
  timeoutS: 5400,
};
const event = (stage: Stage, seconds: number, more: Partial<BootEvent> = {}): BootEvent => ({
  at: at(seconds),
  stage,
  machine: "rocky9",
  build: "b1",
  address: "10.20.0.50",
  ...more,
});
const failure = (...args: Parameters<typeof judge>): string => {
  const verdict = judge(...args);
  if (verdict.kind !== "failed") throw new Error(`it is ${verdict.kind}`);
  return verdict.message;
};

describe("an installation under way", () => {
  it("shows the stages passed, the age of the last, and what comes next", () => {
    expect(judge(watched, [], "running", now(12))).toEqual({
      kind: "wait",
      line: "rocky9: started (12 s), then pxe; 12 s in all",
    });
    const events = [event("pxe", 20), event("config", 30), event("pre", 45)];
    expect(judge(watched, events, "running", now(297))).toEqual({
      kind: "wait",
      line: "rocky9: pxe → config → pre (252 s), then installed; 297 s in all",
    });
  });

  it("is done when it said so and has switched itself off, and not before", () => {
    const events = [event("pxe", 20), event("installed", 600)];
    expect(judge(watched, events, "running", now(610))).toMatchObject({ kind: "installed", isOff: false });
    expect(judge(watched, events, "off", now(611))).toMatchObject({
      kind: "installed",
      isOff: true,
      at: at(600),
    });
  });

  it("is waited for without a limit of its own between pre and installed", () => {
    const events = [event("pxe", 20), event("config", 30), event("pre", 45)];
    expect(judge(watched, events, "running", now(5399)).kind).toBe("wait");
  });
});

describe("trap kickstart-pxe#29: an installation that gets no further has deadlines", () => {
  it("names the stage that did not come, the last one seen, and what to look at", () => {
    expect(failure(watched, [], "running", now(STAGE_LIMIT_S.pxe ?? 0))).toMatch(
      /image "rocky9": no "pxe" within 300 s; nothing was heard from it\..*console of "rocky9-builder".*DHCP.*http:\/\/10\.20\.0\.1:8069.*firewall/,
    );
    const booted = [event("pxe", 20)];
    expect(judge(watched, booted, "running", now(919)).kind).toBe("wait");
    expect(failure(watched, booted, "running", now(920))).toMatch(
      /no "config" within 900 s; last stage seen: pxe, 900 s ago, from 10\.20\.0\.50\..*kernel did not start/,
    );
    const fetched = [...booted, event("config", 30)];
    expect(failure(watched, fetched, "running", now(1230))).toMatch(
      /no "pre" within 1200 s; last stage seen: config/,
    );
  });

  it("and one for all of it", () => {
    const events = [event("pxe", 20), event("config", 30), event("pre", 45)];
    expect(failure(watched, events, "running", now(5400))).toMatch(
      /not installed within 5400 s; last stage seen: pre, 5355 s ago.*mirror.*"timeout:"/,
    );
  });

  it("trap kickstart-pxe#20: one that never switches itself off is told how it should", () => {
    const events = [event("installed", 600)];
    expect(judge(watched, events, "running", now(600 + OFF_LIMIT_S - 1)).kind).toBe("installed");
    expect(failure(watched, events, "running", now(600 + OFF_LIMIT_S))).toMatch(
      /did not switch itself off.*"poweroff"/,
    );
  });

  it("sees at once that it is off without having said that it is done", () => {
    expect(failure(watched, [event("pxe", 20), event("config", 30)], "off", now(40))).toMatch(
      /is off and never said that the installation is done; last stage seen: config, 10 s ago/,
    );
  });
});

describe("an installation that says that it failed", () => {
  it("ends with the end of its log, whatever came before", () => {
    const log = Array.from({ length: 50 }, (_, line) => `line ${line}`).join("\n");
    const events = [event("pxe", 20), event("pre", 40), event("failed", 90, { detail: log })];
    const message = failure(watched, events, "running", now(91));
    expect(message).toMatch(/its installer failed after "pre":\nline 30\n/);
    expect(message).toContain("line 49\n");
    expect(message).not.toContain("line 29\n");
    expect(message).toMatch(/"pulumi up" builds it anew on a blank disk/);
  });

  it("keeps the tail short, also of a log of one line", () => {
    expect(tailOf("x".repeat(10_000)).length).toBeLessThan(2_100);
  });
});

describe("the stages that are expected", () => {
  const text = 'curl "{{boot:url}}/events/pre"';
  it("trap kickstart-pxe#45: VirtualBox's own TFTP tells us nothing, and its time belongs to the next stage", () => {
    const stages = stagesOf("virtualbox-tftp", text);
    expect(stages).toEqual(["config", "pre", "installed"]);
    expect(judge({ ...watched, stages }, [], "running", now(1199)).kind).toBe("wait");
    expect(failure({ ...watched, stages }, [], "running", now(1200))).toMatch(/no "config" within 1200 s/);
  });

  it.each([
    ["rocky", "9"],
    ["debian", "12"],
    ["ubuntu", "24.04"],
  ] as const)("our own template of %s tells all of them", (family, release) => {
    const install = { backend: "b", family, release, mirror: "http://mirror.example/x" };
    const variables = kickstartVariables(install, {
      name: "image",
      purpose: "image",
      nics: [{ mac: "52:54:00:00:00:01" }],
      disk: "vda",
    });
    expect(stagesOf("ipxe", renderKickstart(variables).text)).toEqual(["pxe", "config", "pre", "installed"]);
  });

  it("a user's own template need not tell that the installer runs", () => {
    const stages = stagesOf("ipxe", "nothing is told before the end");
    expect(stages).toEqual(["pxe", "config", "installed"]);
    expect(judge({ ...watched, stages }, [event("config", 30)], "running", now(5000)).kind).toBe("wait");
  });
});
