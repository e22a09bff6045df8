import { describe, expect, it } from "vitest";
import { hostsText } from "../../../cli/hosts";

const NOW = Date.parse("2026-11-21T12:00:00Z");

describe("npm run lab -- hosts", () => {
  it("shows machines by name, MAC, address, stage and age, and strangers in a table of their own", () => {
    const text = hostsText(
      [
        {
          machine: "w1",
          hostName: "w1",
          mac: "08:00:27:aa:bb:01",
          address: "192.0.2.11",
          stage: "booted",
          at: "2026-11-21T11:59:30Z",
        },
        { machine: "w2", mac: "08:00:27:aa:bb:02", stage: "waiting" },
      ],
      [
        {
          mac: "de:ad:be:ef:00:01",
          address: "192.0.2.99",
          times: 3,
          firstAt: "2026-11-21T09:00:00Z",
          lastAt: "2026-11-21T09:00:00Z",
          wanted: 'sent "booted" with an unknown token',
        },
      ],
      NOW,
      "/lab/boot",
    );
    expect(text.split("\n")).toEqual([
      "machine  host name  MAC                address     stage    last seen",
      "w1       w1         08:00:27:aa:bb:01  192.0.2.11  booted   30 s ago",
      "w2       -          08:00:27:aa:bb:02  -           waiting  -",
      "",
      "strangers: refused, and never a target",
      "claimed MAC        address     times  last seen  why it was refused",
      'de:ad:be:ef:00:01  192.0.2.99  3      3 h ago    sent "booted" with an unknown token',
    ]);
  });

  it("shows who answers, once they were asked", () => {
    const host = { machine: "w1", mac: "08:00:27:aa:bb:01", stage: "booted" as const, address: "192.0.2.11" };
    const text = hostsText(
      [
        { ...host, answers: true, ssh: { host: "127.0.0.1", port: 2_201 } },
        { ...host, machine: "w2", answers: false, why: "the host key CHANGED.\nExpected …" },
      ],
      [],
      NOW,
      "/lab/boot",
    );
    expect(text).toMatch(/w1 .* 127\.0\.0\.1:2201 .* yes/);
    expect(text).toMatch(/w2 .* no: the host key CHANGED\. Expected …/);
  });

  it("lets nothing that a stranger wrote act on the terminal", () => {
    const stranger = {
      address: "192.0.2.9",
      times: 1,
      firstAt: "",
      lastAt: "2026-11-10T09:00:00Z",
      wanted: "a\u001b[2J\nb",
    };
    const text = hostsText([], [stranger], NOW, "/lab/boot");
    expect(text).toContain("a?[2J b");
    expect(text).toContain("11 d ago");
    expect(text).toContain("no machine is registered in /lab/boot");
  });
});
