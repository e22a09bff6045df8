import { describe, expect, it } from "vitest";
import type { FogClient, FogImaging, FogTask } from "../../../../providers/fog/client";
import { aboutText, estimateS, wipeSentence } from "../../../../providers/fog/estimate";
import { progressText } from "../../../../providers/fog/progress";
import { readRelease } from "../../../../providers/fog/proof";
import { targetOf } from "../../../../providers/fog/target";

const task = (more: Partial<FogTask>): FogTask => ({
  id: 17,
  hostId: 1,
  name: "x",
  type: 1,
  state: 3,
  percent: 43,
  ...more,
});

describe("what is shown of an imaging", () => {
  it("has percent, amounts and what is left", () => {
    const running = task({
      copied: "8.1 GiB",
      total: "20.0 GiB",
      remaining: "00:01:10",
      elapsed: "00:00:42",
    });
    expect(progressText(running)).toBe("in progress, 43 %, 8.1 of 20.0 GiB, 1:10 left");
    expect(progressText(task({ copied: "800 MiB", total: "20.0 GiB", remaining: "01:10:00" }))).toBe(
      "in progress, 43 %, 800 MiB of 20.0 GiB, 1:10:00 left",
    );
    expect(progressText(task({ percent: 0 }))).toBe("in progress, 0 %");
    expect(progressText(task({ state: 2 }))).toBe("checked in, waiting for a slot");
  });
});

describe("the sentence of the preview", () => {
  const log: FogImaging[] = [
    { image: "rocky9", host: 7, seconds: 540 },
    { image: "clean-c7", host: 1, seconds: 300 },
    { image: "Rocky9", host: 1, seconds: 600 },
  ];
  const client = { imagings: async () => log } as unknown as FogClient;

  it("says what is lost, and about how long it takes", () => {
    const sentence = wipeSentence(
      "pod1-node1",
      { image: "clean-c7", generation: 1 },
      { image: "rocky9", generation: 1 },
      540,
    );
    expect(sentence).toBe("wipes pod1-node1: image clean-c7 → rocky9 (about 9 min)");
    expect(wipeSentence("n", {}, { image: "rocky9", generation: 1 }, undefined)).toBe(
      "wipes n: image (none) → rocky9",
    );
    expect(
      wipeSentence("n", { image: "rocky9", generation: 1 }, { image: "rocky9", generation: 2 }, 40),
    ).toBe("wipes n: image rocky9 again, generation 1 → 2 (about 40 s)");
    expect(aboutText(0.2)).toBe("about 1 s");
  });

  it("takes the time of this image on this host, of this image, of this host, and else none", async () => {
    expect(await estimateS(client, "rocky9", { id: 1 })).toBe(600);
    expect(await estimateS(client, "rocky9", { id: 2 })).toBe(540);
    expect(await estimateS(client, "debian12", { id: 1 })).toBe(300);
    expect(await estimateS(client, "debian12", { id: 2 })).toBeUndefined();
    const broken = { imagings: async () => Promise.reject(new Error("501")) } as unknown as FogClient;
    expect(await estimateS(broken, "rocky9", { id: 1 })).toBeUndefined();
  });
});

describe("the words of other programs", () => {
  it("reads os-release with and without quotes", () => {
    expect(readRelease(`NAME="Rocky Linux"\nVERSION_ID='9.4'\nID=rocky\n# no\nANSI="a\\"b"\n`)).toEqual({
      NAME: "Rocky Linux",
      VERSION_ID: "9.4",
      ID: "rocky",
      ANSI: 'a"b',
    });
  });

  it("reads SSH hosts in every form", () => {
    expect(targetOf("jump", {})).toEqual({ host: "jump" });
    expect(
      targetOf("ssh://opnfv@jump.example:2222", { identityFile: "k", hostKey: "ssh-ed25519 A" }),
    ).toEqual({
      host: "jump.example",
      user: "opnfv",
      port: 2222,
      identityFile: "k",
      hostKey: "ssh-ed25519 A",
    });
    expect(targetOf("root@[fe80::1]:22", {})).toEqual({ host: "fe80::1", user: "root", port: 22 });
    expect(targetOf("fe80::1", {})).toEqual({ host: "fe80::1" });
    expect(() => targetOf("a b:c", {})).toThrow("no SSH host");
  });
});
